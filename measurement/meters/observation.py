"""What was seen of the devices while a window was open, beside their joules: whatever would make these doubtful."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from measurement.vocabulary import Flag

WATCH_PERIOD_S = 1.0
"""Seconds between two looks at the devices while a window is open."""

MAX_FOREIGN_CPU_SHARE = 0.1
"""Share of the machine's CPU time in a window that others may use before a RAPL figure is doubted."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a device. None is what it doesn't tell."""

    foreign: frozenset[int] = frozenset()
    slowdowns: frozenset[str] = frozenset()
    at_power_limit: bool | None = None
    temperature_c: float | None = None
    foreign_cpu_share: float | None = None


class Guard(Protocol):
    """Looks at one device."""

    def begin(self) -> None:
        """A window opens."""

    def observe(self) -> Observation:
        """What there is to see now. Never raises: a look that fails sees nothing."""


class Watch:
    """What was seen of the devices while one window was open. Looks may come from any thread."""

    def __init__(self, guards: Sequence[Guard] = ()) -> None:
        self.guards = guards
        self.looks = 0
        self._lock = threading.Lock()
        self._foreign: set[int] = set()
        self._slowdowns: Counter[str] = Counter()
        self._at_limit = 0
        self._temperatures_c: list[float] = []
        self._foreign_cpu_share: float | None = None

    def begin(self) -> None:
        """The window opens: look for the first time."""
        for guard in self.guards:
            guard.begin()
        self.look()

    def look(self) -> None:
        """Look at each device once."""
        seen_of_all = [guard.observe() for guard in self.guards]
        with self._lock:
            self.looks += 1
            for seen in seen_of_all:
                self._add(seen)

    def _add(self, seen: Observation) -> None:
        self._foreign |= seen.foreign
        self._slowdowns.update(seen.slowdowns)
        self._at_limit += bool(seen.at_power_limit)
        if seen.temperature_c is not None:
            self._temperatures_c.append(seen.temperature_c)
        if seen.foreign_cpu_share is not None:
            self._foreign_cpu_share = seen.foreign_cpu_share

    @property
    def flags(self) -> frozenset[Flag]:
        """`foreign_process` and `throttled`, where seen even once."""
        flags = set()
        if self._foreign or (self._foreign_cpu_share or 0.0) > MAX_FOREIGN_CPU_SHARE:
            flags.add(Flag.FOREIGN_PROCESS)
        if self._slowdowns:
            flags.add(Flag.THROTTLED)
        return frozenset(flags)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was seen, in words, for who reviews the entry."""
        notes = []
        if self._foreign:
            pids = ", ".join(map(str, sorted(self._foreign)))
            notes.append(f"another process computed on the GPU (pid {pids} of the host)")
        if (self._foreign_cpu_share or 0.0) > MAX_FOREIGN_CPU_SHARE:
            notes.append(f"other processes used {self._foreign_cpu_share:.0%} of this machine's CPU time")
        notes += [
            f"throttled: {word} in {count} of {self.looks} looks, one a second"
            for word, count in sorted(self._slowdowns.items())
        ]
        return tuple(notes)

    @property
    def conditions(self) -> dict[str, Any]:
        """Plain figures for the record: looks, how often at the power limit, temperatures, others' CPU share."""
        found: dict[str, Any] = {"looks": self.looks} if self.guards else {}
        if self._at_limit:
            found["looks_at_power_limit"] = self._at_limit
        if self._temperatures_c:
            found |= {
                "temperature_max_c": max(self._temperatures_c),
                "temperature_mean_c": round(math.fsum(self._temperatures_c) / len(self._temperatures_c), 1),
            }
        if self._foreign_cpu_share is not None:
            found["foreign_cpu_share"] = round(self._foreign_cpu_share, 4)
        return found
