"""Clocks that a test and the simulated driver share."""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

CLOCK_VARIABLE = "SIMULATED_NVML_CLOCK"


class VirtualClock:
    """Time that moves only when it is slept on: eight bytes of a file, which the simulated driver reads too.

    A `measurement` Clock. The driver moves it as well, by the latency of each call. `listeners` are called with the
    time after each sleep, e.g. a powercap tree's `update`.
    """

    def __init__(self, path: Path, now_s: float | None = None) -> None:
        self.path = path
        self.wall_at_zero = datetime(2026, 1, 1, tzinfo=UTC)
        self.listeners: list[Callable[[float], object]] = []
        if not path.exists():
            path.write_bytes(struct.pack("d", 0.0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)
        if now_s is not None:
            self.now_s = now_s

    @classmethod
    def of_environment(cls) -> Self:
        """The clock that this process's simulated driver runs by."""
        return cls(Path(os.environ[CLOCK_VARIABLE]))

    @property
    def now_s(self) -> float:
        return float(struct.unpack_from("d", self._shared)[0])

    @now_s.setter
    def now_s(self, value: float) -> None:
        struct.pack_into("d", self._shared, 0, value)

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += max(0.0, seconds)
        for listener in self.listeners:
            listener(self.now_s)


class AbsoluteClock:
    """CLOCK_MONOTONIC as it is, which real-time scripts are anchored to: a window's times are the script's."""

    def __init__(self) -> None:
        self.wall_at_zero = datetime.now(UTC) - timedelta(seconds=time.monotonic())

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class WorkingClock(VirtualClock):
    """Virtual time that also passes while this process computes: a sleep takes none, and work takes its CPU time."""

    def __init__(self, path: Path, now_s: float | None = None) -> None:
        super().__init__(path, now_s)
        self._lock = threading.Lock()
        self._worked_s = time.process_time()

    def monotonic_s(self) -> float:
        with self._lock:
            worked_s = time.process_time()
            self.now_s += worked_s - self._worked_s
            self._worked_s = worked_s
            return self.now_s

    def sleep(self, seconds: float) -> None:
        with self._lock:
            super().sleep(seconds)
