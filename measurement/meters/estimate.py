"""The estimate for machines without an energy counter: CPU time × a share of the TDP, and memory × a constant.

Always `estimated`, never metered: what a processor draws depends on clock, instructions and its neighbours, none of
which CPU time shows. The power model of Green Algorithms (Lannelongue et al., Advanced Science 8, 2021) and, for the
CPU, of CodeCarbon in process mode, but of this process tree alone and of the CPU time it really used.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from measurement.errors import BadOption
from measurement.meters.base import Clock, Kind
from measurement.vocabulary import Source

TDP_VARIABLE = "MEASUREMENT_CPU_TDP_W"

DEFAULT_POWER_PER_CPU_W = 4.0
"""Watts of one logical CPU of an unknown model: CodeCarbon's `DEFAULT_POWER_PER_CORE`. A 96-core EPYC 9654 has 1.9,
a Xeon Platinum 8380 has 3.4, a desktop Core i9-13900K has 3.9."""

MEMORY_POWER_W_PER_GIB = 0.37
"""Watts per GiB in use: Green Algorithms has 0.3725 W/GB (Karyakin & Salem, 2017), CodeCarbon before version 3 had
3 W per 8 GB. A GB of memory modules is a GiB."""

# Pattern of the model name, TDP in watts and logical CPUs of one socket, from the manufacturers' data sheets.
_TDP_TABLE: tuple[tuple[str, float, int], ...] = (
    (r"EPYC 9654\b", 360, 192), (r"EPYC 9554\b", 360, 128), (r"EPYC 9354\b", 280, 64),
    (r"EPYC 7763\b", 280, 128), (r"EPYC 7543\b", 225, 64), (r"EPYC 7742\b", 225, 128), (r"EPYC 7402\b", 180, 48),
    (r"EPYC 7302\b", 155, 32), (r"Threadripper 3970X", 280, 64), (r"Ryzen 9 7950X\b", 170, 32),
    (r"Ryzen 9 5950X", 105, 32), (r"Ryzen 9 5900X", 105, 24), (r"Ryzen 7 5800X\b", 105, 16),
    (r"Platinum 8480\+", 350, 112), (r"Platinum 8380\b", 270, 80), (r"Platinum 8280\b", 205, 56),
    (r"Gold 6248\b", 150, 40), (r"Gold 6148\b", 150, 40), (r"Silver 4214\b", 85, 24), (r"E5-2680 v4", 120, 28),
    (r"E5-2686 v4", 145, 36), (r"i9-14900K", 125, 32), (r"i9-13900K", 125, 32), (r"i9-12900K", 125, 24),
    (r"i7-12700K", 125, 20), (r"i9-9900K", 95, 16), (r"i7-8700K", 95, 12),
)  # fmt: skip


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name in /proc/cpuinfo, else the machine's architecture."""
    try:
        found = re.search(r"^model name\s*:\s*(\S.*?)\s*$", cpuinfo.read_text("utf-8", "replace"), re.MULTILINE)
    except OSError:
        found = None
    return " ".join(found[1].split()) if found else f"unnamed {os.uname().machine} CPU"


@dataclass(frozen=True, slots=True)
class CpuPowerModel:
    """Watts of one busy logical CPU and of a GiB of memory in use, and where the figures come from."""

    model: str
    power_per_cpu_w: float
    basis: str
    memory_w_per_gib: float = MEMORY_POWER_W_PER_GIB

    @classmethod
    def of_this_machine(cls, model: str | None = None) -> CpuPowerModel:
        """From `MEASUREMENT_CPU_TDP_W` (watts of all this machine's CPUs), else the table, else the default.

        Raises BadOption if the variable is not a positive number.
        """
        name = cpu_model() if model is None else model
        given = os.environ.get(TDP_VARIABLE, "").strip()
        if given:
            cpus = os.cpu_count() or 1
            tdp_w = _positive(given)
            return cls(name, tdp_w / cpus, f"{TDP_VARIABLE}={tdp_w:g} W over {cpus} logical CPUs")
        for pattern, tdp_w, threads in _TDP_TABLE:
            if re.search(pattern, name):
                return cls(name, tdp_w / threads, f"TDP {tdp_w:g} W of the model over its {threads} logical CPUs")
        return cls(name, DEFAULT_POWER_PER_CPU_W, "default for a model whose TDP is not known")

    def describe(self) -> dict[str, Any]:
        """The model in plain values, for the record's hardware settings."""
        return {
            "cpu_model": self.model,
            "cpu_power_per_busy_cpu_w": round(self.power_per_cpu_w, 4),
            "cpu_power_basis": self.basis,
            "memory_power_w_per_gib": self.memory_w_per_gib,
            "covers": "this process and its descendants",
        }


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e5:
        raise BadOption(f"{TDP_VARIABLE} must be watts greater than 0, e.g. 65 (got {text!r})", field=TDP_VARIABLE)
    return value


class ProcessTree:
    """CPU seconds of a process and its descendants, including those that have ended.

    A process that was waited for has moved its time into its parent's count of ended children; one that vanished
    without (its parent ignores SIGCHLD) counts as last seen. Call `cpu_time_s` from any thread.
    """

    def __init__(self) -> None:
        self._root = psutil.Process()
        self._known: dict[psutil.Process, tuple[float, float]] = {}
        self._total_s = 0.0
        self._unreported_s = 0.0
        self._lock = threading.Lock()
        self._advance(count=False)

    def cpu_time_s(self) -> float:
        """CPU seconds (user and system, all cores) since construction; only grows."""
        with self._lock:
            self._advance(count=True)
            return self._total_s

    def resident_bytes(self) -> int:
        """Memory in use now: the root's resident pages and each descendant's pages that are not shared through
        files."""
        total = 0
        for process in list(self._known):
            try:
                memory = process.memory_info()
            except psutil.Error:
                continue
            total += memory.rss if process == self._root else max(0, memory.rss - getattr(memory, "shared", 0))
        return total

    def _advance(self, *, count: bool) -> None:
        now = dict(self._times())
        own_s = ended_s = 0.0
        for process, (own, ended) in now.items():
            own_before, ended_before = self._known.get(process, (0.0, 0.0))
            own_s += max(0.0, own - own_before)
            ended_s += max(0.0, ended - ended_before)
        # What vanished was counted while it lived: if a parent now reports it as ended, count only the rest. The
        # parent's report may come one scan late, because the tree changes while it is read.
        vanished_s = sum(sum(times) for process, times in self._known.items() if process not in now)
        unreported_s = max(0.0, self._unreported_s + vanished_s - ended_s)
        if count:
            self._total_s += own_s + max(0.0, ended_s - vanished_s - self._unreported_s)
        self._known, self._unreported_s = now, min(unreported_s, vanished_s)

    def _times(self) -> Iterator[tuple[psutil.Process, tuple[float, float]]]:
        """Own and ended-children CPU seconds of each process, every parent before its children."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        # This process's own clock has nanoseconds, /proc only ticks of 10 ms.
        yield self._root, (time.process_time(), ended.ru_utime + ended.ru_stime)
        children = descendants(self._root)
        left_the_tree = [process for process in self._known if process != self._root and process not in children]
        for process in (*children, *(orphan for orphan in left_the_tree if orphan.is_running())):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            yield process, (times.user + times.system, times.children_user + times.children_system)


def descendants(root: psutil.Process) -> list[psutil.Process]:
    """All processes below `root`, every parent before its children.

    Linux lists each thread's children, so only the tree is read; psutil would read every process of the machine,
    which takes milliseconds.
    """
    if not Path(f"/proc/{root.pid}/task/{root.pid}/children").exists():
        return root.children(recursive=True)
    found: dict[int, psutil.Process] = {}
    waiting = [root.pid]
    while waiting:
        for pid in _children(waiting.pop(0)):
            if pid not in found:
                with contextlib.suppress(psutil.Error):
                    found[pid] = psutil.Process(pid)
                    waiting.append(pid)
    return list(found.values())


def _children(pid: int) -> list[int]:
    """Process ids of the children of all threads of a process; none if it has ended."""
    children: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children += map(int, path.read_text("ascii").split())
    return children


@dataclass(slots=True)
class CpuTimeCounter:
    """Joules of the process tree's CPU time, as a counter. Always `cpu_estimate`."""

    tree: ProcessTree
    model: CpuPowerModel
    name: str = "cpu"
    kind: Kind = "cpu"
    update_period_s: float = 0.01
    sample_period_s: float = 0.5
    range_mj: float | None = None

    @property
    def source(self) -> Source:
        return Source.CPU_ESTIMATE

    def read_mj(self) -> float | None:
        return self.tree.cpu_time_s() * self.model.power_per_cpu_w * 1000


class MemoryCounter:
    """Joules of the process tree's resident memory, as a counter. Always `cpu_estimate`."""

    kind: Kind = "dram"
    update_period_s = 0.01
    sample_period_s = 0.5
    range_mj: float | None = None

    def __init__(self, tree: ProcessTree, model: CpuPowerModel, clock: Clock, name: str = "dram") -> None:
        self.name = name
        self._tree, self._model, self._clock = tree, model, clock
        self._energy_mj = 0.0
        self._power_w = 0.0
        self._read_at_s = clock.monotonic_s()

    @property
    def source(self) -> Source:
        return Source.CPU_ESTIMATE

    def read_mj(self) -> float | None:
        now_s = self._clock.monotonic_s()
        power_w = self._tree.resident_bytes() / 2**30 * self._model.memory_w_per_gib
        previous_w = self._power_w or power_w
        self._energy_mj += (now_s - self._read_at_s) * (previous_w + power_w) / 2 * 1000
        self._power_w, self._read_at_s = power_w, now_s
        return self._energy_mj
