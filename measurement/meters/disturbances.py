"""Observes what can disturb a measurement: other processes on the device, throttling, heat.

NVML and RAPL read whole devices, so other processes on one are counted too. An estimate counts this process tree
alone, but its work is slower next to others.
"""

from __future__ import annotations

import math
import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from measurement.meters import nvml
from measurement.meters.control_groups import throttled_s
from measurement.meters.cpu_load import CpuLoad, CpuTimes
from measurement.meters.estimate import ProcessTree, descendants
from measurement.meters.observation import Observation
from measurement.meters.reference import ReferenceDrift, reference_s

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

    def end(self) -> Observation:
        return self.observe()

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
    """Observes the CPUs that this process may use. is_metered: whether RAPL reads them, with all that runs there."""

    def __init__(self, *, is_metered: bool) -> None:
        self._is_metered = is_metered
        self._tree = ProcessTree()
        self._waits: dict[tuple[int, str], float] = {}
        self._began = self._read()

    def begin(self) -> None:
        self._began = self._read()

    def observe(self) -> Observation:
        return self.end()

    def end(self) -> Observation:
        return Observation(cpu=CpuLoad.between(self._began, self._read(), is_metered=self._is_metered))

    def _read(self) -> CpuTimes:
        total_s = busy_s = stolen_s = 0.0
        for times in _of_usable_cpus():
            guest_s = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # included in user and nice
            stolen = getattr(times, "steal", 0.0)
            every_s = math.fsum(times) - guest_s
            total_s += every_s
            stolen_s += stolen
            busy_s += every_s - times.idle - getattr(times, "iowait", 0.0) - stolen
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return CpuTimes(
            total_s, busy_s, stolen_s, self._tree.cpu_time_s(), self._waited_s(), usage.ru_utime, usage.ru_stime,
            throttled_s(),
        )  # fmt: skip

    def _waited_s(self) -> float | None:
        """Seconds that threads of this process tree, ended ones included, were ready to run without a CPU."""
        root = psutil.Process()
        for process in (root, *descendants(root)):
            for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
                try:
                    self._waits[process.pid, path.parent.name] = int(path.read_text("ascii").split()[1]) / 1e9
                except (OSError, ValueError, IndexError):
                    continue
        return math.fsum(self._waits.values()) if self._waits else None


class ReferenceObserver:
    """Times the reference kernel before the window opens and after it has closed, never while it is open."""

    def __init__(self) -> None:
        self._before_s = 0.0

    def begin(self) -> None:
        self._before_s = reference_s()

    def observe(self) -> Observation:
        return Observation()

    def end(self) -> Observation:
        drift = reference_s() / self._before_s - 1 if self._before_s > 0 else None
        return Observation(reference=ReferenceDrift(drift))


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


def _of_usable_cpus() -> list[Any]:
    """Times of the CPUs that this process may use; of all of them if the system does not say which."""
    every = psutil.cpu_times(percpu=True)
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(every))
    return [every[number] for number in usable] if max(usable) < len(every) else every
