"""What was observed of the devices while a window was open, other than joules: whatever would make these doubtful."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from measurement.meters.cpu_load import CpuLoad
from measurement.meters.reference import ReferenceDrift
from measurement.vocabulary import Flag

OBSERVATION_PERIOD_S = 1.0
"""Seconds between two observations of the devices while a window is open."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation of a device. None is what the device doesn't report; `unread`: what could not be read, and why,
    in words.
    """

    foreign: frozenset[int] = frozenset()
    slowdowns: frozenset[str] = frozenset()
    at_power_limit: bool | None = None
    temperature_c: float | None = None
    cpu: CpuLoad | None = None
    reference: ReferenceDrift | None = None
    unread: frozenset[str] = frozenset()


class Observer(Protocol):
    """Observes one device."""

    def begin(self) -> None:
        """A window opens."""

    def observe(self) -> Observation:
        """The device's state now. Never raises: if it can't be read, the observation is empty."""

    def end(self) -> Observation:
        """The window has closed: the last observation of it. Never raises."""


class WindowObservations:
    """All observations of the devices while one window was open. Call it from any thread."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self.observers = observers
        self.count = 0
        self._lock = threading.Lock()
        self._foreign: set[int] = set()
        self._slowdowns: Counter[str] = Counter()
        self._unread: Counter[str] = Counter()
        self._at_limit = 0
        self._temperatures_c: list[float] = []
        self._cpu = CpuLoad()
        self._reference = ReferenceDrift()

    def begin(self) -> None:
        """The window opens: observe for the first time."""
        for observer in self.observers:
            observer.begin()
        self.observe()

    def observe(self) -> None:
        """Observe each device once."""
        self._add_all([observer.observe() for observer in self.observers])

    def end(self) -> None:
        """The window has closed: observe for the last time. What began first ends last."""
        self._add_all([observer.end() for observer in reversed(self.observers)])

    def _add_all(self, seen_of_all: Sequence[Observation]) -> None:
        with self._lock:
            self.count += 1
            for seen in seen_of_all:
                self._add(seen)

    def _add(self, seen: Observation) -> None:
        self._foreign |= seen.foreign
        self._slowdowns.update(seen.slowdowns)
        self._unread.update(seen.unread)
        self._at_limit += bool(seen.at_power_limit)
        if seen.temperature_c is not None:
            self._temperatures_c.append(seen.temperature_c)
        self._cpu = seen.cpu or self._cpu
        self._reference = seen.reference or self._reference

    @property
    def flags(self) -> frozenset[Flag]:
        """`foreign_process` and `throttled`, if observed at least once, and those of the CPU's load."""
        flags = {*self._cpu.flags, *self._reference.flags}
        if self._foreign:
            flags.add(Flag.FOREIGN_PROCESS)
        if self._slowdowns:
            flags.add(Flag.THROTTLED)
        return frozenset(flags)

    @property
    def notes(self) -> tuple[str, ...]:
        """The same as text, for the person who reviews the entry."""
        notes = []
        if self._foreign:
            pids = ", ".join(map(str, sorted(self._foreign)))
            notes.append(f"another process computed on the GPU (pid {pids} of the host)")
        notes += [*self._cpu.notes, *self._reference.notes]
        notes += [
            f"throttled: {word} in {count} of {self.count} observations, one a second"
            for word, count in sorted(self._slowdowns.items())
        ]
        notes += [f"{what}, in {count} of {self.count} observations" for what, count in sorted(self._unread.items())]
        return tuple(notes)

    @property
    def conditions(self) -> dict[str, Any]:
        """Figures for the record: number of observations (`looks`), how often at the power limit, temperatures,
        the CPU's load."""
        found: dict[str, Any] = {"looks": self.count} if self.observers else {}
        if self._at_limit:
            found["looks_at_power_limit"] = self._at_limit
        if self._temperatures_c:
            found |= {
                "temperature_max_c": max(self._temperatures_c),
                "temperature_mean_c": round(math.fsum(self._temperatures_c) / len(self._temperatures_c), 1),
            }
        return found | self._cpu.conditions | self._reference.conditions
