"""Work that a simulated card's power follows, and what the card truly drew."""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self

from tests.simulated.gpu import SimulatedGpu

WORK_VARIABLE = "SIMULATED_NVML_WORK"

_CAPACITY = 65_536
"""Stretches of work that a file has room for (1 MiB)."""


class _Time(Protocol):
    def monotonic_s(self) -> float: ...


class Work:
    """When the process under test kept the cards busy: a file that the driver reads while it grows.

    While work runs, a card with a `work` profile draws that, from its beginning each time. `clock` is that of the
    library: a VirtualClock, or an AbsoluteClock in real time.
    """

    def __init__(self, path: Path, clock: _Time) -> None:
        self.path, self.clock = path, clock
        if not path.exists():
            path.write_bytes(bytes(8 + 16 * _CAPACITY))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 0)

    @classmethod
    def of_environment(cls, clock: _Time) -> Self:
        """The work that this process's simulated driver follows."""
        return cls(Path(os.environ[WORK_VARIABLE]), clock)

    @contextmanager
    def running(self) -> Iterator[None]:
        """The cards work as long as the body runs."""
        count: int = struct.unpack_from("Q", self._shared)[0]
        if count == _CAPACITY:
            raise RuntimeError(f"no more than {_CAPACITY} stretches of work fit")
        struct.pack_into("dd", self._shared, 8 + 16 * count, self.clock.monotonic_s(), math.inf)
        struct.pack_into("Q", self._shared, 0, count + 1)
        try:
            yield
        finally:
            struct.pack_into("d", self._shared, 16 + 16 * count, self.clock.monotonic_s())

    @property
    def stretches(self) -> list[tuple[float, float]]:
        """Begin and end of each stretch on the clock; the end is infinite while it runs."""
        count: int = struct.unpack_from("Q", self._shared)[0]
        return [struct.unpack_from("dd", self._shared, 8 + 16 * index) for index in range(count)]


class Truth:
    """What `gpu` truly drew, on the clock on which its script starts at `start_s`."""

    def __init__(self, gpu: SimulatedGpu, start_s: float, work: Work | None = None) -> None:
        self.gpu, self.start_s, self.work = gpu, start_s, work

    def energy_j(self, from_s: float, until_s: float) -> float:
        """Joules between two times of the clock, exactly."""
        own_j = self.gpu.profile.energy_j(from_s - self.start_s, until_s - self.start_s)
        if self.work is None or self.gpu.work is None:
            return own_j
        stretches = self.work.stretches
        nexts = [began_s for began_s, _ in stretches[1:]] + [math.inf]
        excess = (
            self._excess_j(stretch, min(until_s, next_s)) - self._excess_j(stretch, min(from_s, next_s))
            for stretch, next_s in zip(stretches, nexts, strict=True)
        )
        return own_j + math.fsum(excess)

    def _excess_j(self, stretch: tuple[float, float], time_s: float) -> float:
        """Joules above the card's own profile from the stretch's begin until `time_s`."""
        began_s, ended_s = stretch
        busy, own = self.gpu.work, self.gpu.profile
        if busy is None or time_s <= began_s:
            return 0.0
        until_s = min(time_s, ended_s)
        spent_j = busy.energy_j(0, until_s - began_s) - own.energy_j(began_s - self.start_s, until_s - self.start_s)
        decay_s = self.gpu.work_decay_s
        if time_s > ended_s and decay_s > 0:
            since_s = min(time_s - ended_s, decay_s)
            excess_w = busy.power_w(ended_s - began_s) - own.power_w(ended_s - self.start_s)
            spent_j += excess_w * (since_s - since_s**2 / (2 * decay_s))
        return spent_j
