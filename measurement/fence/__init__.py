"""A fence around a child process: no network, no file but its own folder, limited memory, processes and files.

Standard library alone. bubblewrap (https://github.com/containers/bubblewrap) makes the namespaces. prlimit of
util-linux limits the rest; for root, whom the kernel exempts from a limit of processes, a control group does.
"""

from measurement.fence.fence import PROCESSES, Fence, FenceLimits, FenceState, Sandbox, make_fence, state_of_fence
from measurement.fence.paths import data_paths

__all__ = ["PROCESSES", "Fence", "FenceLimits", "FenceState", "Sandbox", "data_paths", "make_fence", "state_of_fence"]
