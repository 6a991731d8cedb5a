"""Observes what can disturb a measurement: other processes on the device, throttling, heat.

NVML and RAPL read whole devices, so other processes on one are counted too. An estimate counts this process tree
alone: there, other load is no reason to doubt a figure, and nothing is observed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from measurement.meters import nvml
from measurement.meters.estimate import ProcessTree, descendants
from measurement.meters.observation import Observation

_INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of the Linux kernel

# nvmlClocksEventReasons: slowdowns that change what a run costs. The power cap is no fault: it is the card's limit.
_SLOWDOWNS = {0x08: "hardware slowdown", 0x20: "software thermal", 0x40: "hardware thermal", 0x80: "power brake"}
_POWER_CAP = 0x04

_GUARDS = {
    "nvmlDeviceGetCurrentClocksEventReasons": "whether the GPU was throttled",
    "nvmlDeviceGetCurrentClocksThrottleReasons": "whether the GPU was throttled",
    "nvmlDeviceGetComputeRunningProcesses": "whether others computed on the GPU",
}
"""What is not known of a window in which these questions fail."""


class GpuObserver:
    """Foreign processes, slowdowns and temperature of a GPU, through NVML.

    NVML's process ids are the host's. In a container, where ids differ, one compute process is taken for ours and
    more than one means a foreign process: which is which is unknown there.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._contained = not shares_host_pids()

    def begin(self) -> None:
        """Nothing to do: each observation is independent."""

    def observe(self) -> Observation:
        questions = nvml.Questions(tries=1)
        reasons = questions.ask("nvmlDeviceGetCurrentClocksEventReasons", self._handle)
        if reasons is None:
            reasons = questions.ask("nvmlDeviceGetCurrentClocksThrottleReasons", self._handle)
        processes = questions.ask("nvmlDeviceGetComputeRunningProcesses", self._handle)
        return Observation(
            foreign=frozenset(foreign_pids((process.pid for process in processes or ()), contained=self._contained)),
            slowdowns=frozenset(word for bit, word in _SLOWDOWNS.items() if reasons is not None and reasons & bit),
            at_power_limit=None if reasons is None else bool(reasons & _POWER_CAP),
            temperature_c=questions.ask("nvmlDeviceGetTemperature", self._handle, 0),
            unread=frozenset(
                f"{_GUARDS[function]} is unknown: {error}"
                for function, error in questions.unanswered.items()
                if function in _GUARDS and not (function.endswith("Reasons") and reasons is not None)
            ),
        )


class CpuObserver:
    """The share of the machine's CPU time that others use, for RAPL, which reads the whole package."""

    def __init__(self) -> None:
        self._tree = ProcessTree()
        self._began = self._times()

    def begin(self) -> None:
        self._began = self._times()

    def observe(self) -> Observation:
        total_s, busy_s, own_s = (now - began for now, began in zip(self._times(), self._began, strict=True))
        # /proc counts in ticks of 10 ms: over less than this the share is noise.
        share = max(0.0, busy_s - own_s) / total_s if total_s >= 0.5 else None
        return Observation(foreign_cpu_share=share)

    def _times(self) -> tuple[float, float, float]:
        """CPU seconds of the machine: all, busy, and this process tree's."""
        times = psutil.cpu_times()
        guest_s = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # included in user and nice
        total_s = math.fsum(times) - guest_s
        return total_s, total_s - times.idle - getattr(times, "iowait", 0.0), self._tree.cpu_time_s()


def shares_host_pids() -> bool:
    """Whether process ids here are the host's, as NVML reports them."""
    if sys.platform != "linux":
        return True
    try:
        return str(Path("/proc/self/ns/pid").readlink()) == _INITIAL_PID_NAMESPACE
    except OSError:
        return False


def foreign_pids(pids: Iterable[int], *, contained: bool) -> set[int]:
    """Those of a device's processes that don't belong to this process's tree."""
    found = set(pids)
    if contained:
        return found if len(found) > 1 else set()
    if not found:
        return set()
    own = psutil.Process()
    return found - {own.pid, *(child.pid for child in descendants(own))}
