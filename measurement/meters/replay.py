"""Instruments that play back recorded samples against an injected clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from measurement.meters.base import Clock, Kind
from measurement.vocabulary import Source


class ManualClock:
    """A clock that advances only when set, or when slept on."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.wall_at_zero = datetime(2026, 1, 1, tzinfo=UTC)
        self.now_s = now_s

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples of one instrument: seconds ascending, and its readings (None if it had none)."""

    times_s: Sequence[float]
    values: Sequence[float | None]

    def at(self, now_s: float) -> float | None:
        """The sample of the last time at or before `now_s`; None before the first."""
        position = bisect_right(self.times_s, now_s) - 1
        return self.values[position] if position >= 0 else None


@dataclass(frozen=True, slots=True)
class ReplayCounter:
    """An energy counter played back from a recording in millijoules."""

    recording: Recording
    clock: Clock
    name: str = "cpu0"
    kind: Kind = "cpu"
    range_mj: float | None = None
    update_period_s: float = 0.001
    sample_period_s: float = 0.05

    @property
    def source(self) -> Source:
        return Source.REPLAY

    def read_mj(self) -> float | None:
        return self.recording.at(self.clock.monotonic_s())


@dataclass(frozen=True, slots=True)
class ReplaySensor:
    """A power sensor played back from a recording in watts."""

    recording: Recording
    clock: Clock
    name: str = "gpu0"
    kind: Kind = "gpu"
    update_period_s: float = 0.1
    sample_period_s: float = 0.05

    @property
    def source(self) -> Source:
        return Source.REPLAY

    def read_w(self) -> float | None:
        return self.recording.at(self.clock.monotonic_s())
