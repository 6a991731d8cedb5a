"""What the meter needs from an instrument: Protocols small enough to fake in ten lines."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Literal, Protocol, runtime_checkable

from measurement.record import COUNTED_SOURCES
from measurement.vocabulary import Provenance, Scope, Source

Kind = Literal["gpu", "cpu", "dram"]


class Instrument(Protocol):
    """What is known about an instrument before it is read.

    `name` is the component's, such as `gpu0`, `cpu0` or `dram0`, and begins the names of its columns in the trace:
    letters, digits and underscores. An energy counter and a power sensor of one component have the same name.
    `update_period_s`: seconds between two changes of the reading; what happens between them is not measured.
    `sample_period_s`: seconds between two readings that the meter's thread takes.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def source(self) -> Source: ...

    @property
    def update_period_s(self) -> float: ...

    @property
    def sample_period_s(self) -> float: ...


@runtime_checkable
class EnergyCounter(Instrument, Protocol):
    """Energy since some moment in the past, in millijoules, that only grows, or wraps at `range_mj`."""

    @property
    def range_mj(self) -> float | None:
        """Millijoules at which the counter starts again from 0; None if it doesn't, or if that is unknown."""

    def read_mj(self) -> float | None:
        """The counter now, millijoules; None if it is not available at present, never 0.

        Raises MeterFailure if the driver fails.
        """


@runtime_checkable
class PowerSensor(Instrument, Protocol):
    """Power at present, in watts."""

    def read_w(self) -> float | None:
        """Watts now; None if not available at present, never 0. Raises MeterFailure if the driver fails."""


@runtime_checkable
class PartTime(Protocol):
    """A power sensor that may measure the power during `seen_share` of each update period only, 0..1."""

    @property
    def seen_share(self) -> float: ...


class Clock(Protocol):
    """The time that windows and samples are stamped with."""

    @property
    def wall_at_zero(self) -> datetime:
        """The wall-clock time (with its zone) at which `monotonic_s()` was 0: the trace's one anchor."""

    def monotonic_s(self) -> float:
        """Seconds since the anchor; never steps back."""

    def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed on this clock."""


class SystemClock:
    """The machine's monotonic clock, zero at the moment of construction, or going on from an earlier clock.

    wall_at_zero, after_s: the earlier clock's anchor, and a time of it that this one begins after.
    """

    def __init__(self, wall_at_zero: datetime | None = None, after_s: float = 0.0) -> None:
        now = datetime.now(UTC)
        self.wall_at_zero = wall_at_zero or now
        self._zero_s = time.monotonic() - max(after_s, (now - self.wall_at_zero).total_seconds())

    def monotonic_s(self) -> float:
        return time.monotonic() - self._zero_s

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def provenance_of(sources: tuple[Source, ...]) -> Provenance:
    """The provenance of figures from `sources`: that of the least trusted one.

    The one place where a source becomes a provenance, so that an estimate can't be called metered.
    """
    if not sources:
        return Provenance.MISSING
    return Provenance.METERED if COUNTED_SOURCES.issuperset(sources) else Provenance.ESTIMATED


def kinds_in_scope(scope: Scope, device: str) -> frozenset[Kind]:
    """The kinds of component that `scope` covers for a model on `device` (`cpu` or `cuda:0`).

    The joules of a scope are missing unless each of these kinds has a figure.
    """
    on_cpu = device == "cpu"
    if scope == Scope.ACCELERATOR:
        return frozenset({"cpu"}) if on_cpu else frozenset({"gpu"})
    return frozenset({"cpu", "dram"}) if on_cpu else frozenset({"gpu", "cpu", "dram"})
