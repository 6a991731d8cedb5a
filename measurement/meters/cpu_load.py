"""What else the CPUs did while a window was open: others' work, the hypervisor, a quota, and the kernel.

A meter of a whole package counts others' joules too. An estimate counts this process tree alone, but its work is
slower next to others, and takes more CPU time where they share a core's caches and units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from measurement.vocabulary import Flag

MAX_FOREIGN_CPU_SHARE = 0.1
"""Share of the CPU time of the CPUs that this process may use that others may take before a figure is flagged."""

MAX_LOST_SHARE = 0.1
"""Share of the CPU time that the work asked for that it may be denied before a figure is flagged."""

OVERLOADED_FOREIGN_CPU_SHARE, OVERLOADED_LOST_SHARE = 0.5, 0.25
"""The same, before a result is held: times are then a third too long, or every other CPU is someone else's."""

MAX_KERNEL_SHARE = 0.1
"""Share of this process's CPU time that it may spend in the kernel before a figure is flagged."""

LEAST_CPU_S = 0.5
"""CPU time of the machine over which shares are known: /proc counts in ticks of 10 ms."""


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU seconds so far. Of the CPUs that this process may use: all, busy, and stolen by the hypervisor.

    Of this process tree: its own, and those that it was ready to run but had no CPU (None if the kernel does not
    say). throttled_s: what its control groups were denied, by group. user_s, kernel_s: of this process alone.
    """

    total_s: float
    busy_s: float
    stolen_s: float
    own_s: float
    waited_s: float | None
    user_s: float
    kernel_s: float
    throttled_s: dict[Path, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CpuLoad:
    """What became of the CPU time of a window; each is None if unknown or if the window is too short.

    `foreign_share` and `stolen_share` are shares of what the CPUs had to give. `throttled_share` and `lost_share` are
    shares of what the work asked for: lost is what it waited for behind others, was throttled or was stolen.
    `kernel_share` is the share of the process's own time. is_metered: whether a meter counts others' joules too.
    """

    foreign_share: float | None = None
    stolen_share: float | None = None
    throttled_share: float | None = None
    lost_share: float | None = None
    kernel_share: float | None = None
    is_metered: bool = False

    @classmethod
    def between(cls, before: CpuTimes, now: CpuTimes, *, is_metered: bool = False) -> CpuLoad:
        """The load from one reading to another."""
        total_s = now.total_s - before.total_s
        if total_s < LEAST_CPU_S:
            return cls(is_metered=is_metered)
        own_s, stolen_s = now.own_s - before.own_s, now.stolen_s - before.stolen_s
        foreign_s = max(0.0, now.busy_s - before.busy_s - own_s)
        throttled = max((after_s - before.throttled_s.get(name, 0.0) for name, after_s in now.throttled_s.items()),
                        default=0.0)  # fmt: skip
        # Threads of the tree also wait for one another; behind others they wait no longer than these ran.
        waited_s = min((now.waited_s or 0.0) - (before.waited_s or 0.0), foreign_s + throttled)
        own_stolen_s = stolen_s * _share(own_s, own_s + foreign_s)
        lost_s = max(0.0, waited_s, throttled) + own_stolen_s
        kernel_s, user_s = now.kernel_s - before.kernel_s, now.user_s - before.user_s
        return cls(
            foreign_share=foreign_s / total_s,
            stolen_share=stolen_s / total_s,
            throttled_share=_share(throttled, own_s + throttled),
            lost_share=_share(lost_s, own_s + lost_s),
            kernel_share=_share(kernel_s, kernel_s + user_s) if kernel_s + user_s >= LEAST_CPU_S else None,
            is_metered=is_metered,
        )

    @property
    def flags(self) -> frozenset[Flag]:
        """`busy_machine`, with `overloaded_machine` above the second bounds; `kernel_time`. `foreign_process` if a
        meter counted others' work too."""
        foreign, lost = self.foreign_share or 0.0, self.lost_share or 0.0
        found = {
            Flag.FOREIGN_PROCESS: self.is_metered and foreign > MAX_FOREIGN_CPU_SHARE,
            Flag.BUSY_MACHINE: foreign > MAX_FOREIGN_CPU_SHARE or lost > MAX_LOST_SHARE,
            Flag.OVERLOADED_MACHINE: foreign > OVERLOADED_FOREIGN_CPU_SHARE or lost > OVERLOADED_LOST_SHARE,
            Flag.KERNEL_TIME: (self.kernel_share or 0.0) > MAX_KERNEL_SHARE,
        }
        return frozenset(flag for flag, is_set in found.items() if is_set)

    @property
    def notes(self) -> tuple[str, ...]:
        """The same as text, for the person who reviews the entry."""
        notes = []
        flags = self.flags
        if Flag.BUSY_MACHINE in flags:
            notes.append(
                f"other processes used {self.foreign_share or 0.0:.0%} of this machine's CPU time, and the work was "
                f"denied {self.lost_share or 0.0:.0%} of the CPU time that it asked for (stolen by the hypervisor: "
                f"{self.stolen_share or 0.0:.0%} of the machine's; over its quota: {self.throttled_share or 0.0:.0%})"
            )
        if Flag.KERNEL_TIME in flags:
            notes.append(
                f"the process spent {self.kernel_share:.0%} of its CPU time in the kernel, most likely for memory "
                "that it gave back and asked for again"
            )
        return tuple(notes)

    @property
    def conditions(self) -> dict[str, float]:
        """Figures for the record, if known."""
        found = {
            "foreign_cpu_share": self.foreign_share,
            "stolen_cpu_share": self.stolen_share,
            "throttled_cpu_share": self.throttled_share,
            "lost_cpu_share": self.lost_share,
            "kernel_share": self.kernel_share,
        }
        return {name: round(share, 4) for name, share in found.items() if share is not None}


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
