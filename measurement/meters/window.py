"""An open window of the meter: pauses, blocks of repeats, and live figures."""

from __future__ import annotations

import math
from collections.abc import Callable

from measurement.meters.accumulators import Accumulator
from measurement.meters.base import Clock
from measurement.meters.components import Snapshot, Stretch, accumulated_j, duration_s
from measurement.meters.phase import MarkedBlock, MeasurementBuilder, PhaseMeasurement
from measurement.meters.sampler import Sampler
from measurement.vocabulary import Scope


class Window:
    """Opened by `EnergyMeter.window`; `measurement` holds the result once it is closed."""

    def __init__(
        self,
        name: str,
        sampler: Sampler,
        synchronize: Callable[[], None],
        clock: Clock,
        live: Callable[[Scope], list[tuple[int, Accumulator]] | None],
    ) -> None:
        self.name = name
        self._sampler, self._synchronize, self._clock, self._live = sampler, synchronize, clock, live
        self._stretches: list[Stretch] = []
        self._blocks: list[MarkedBlock] = []
        self._block: list[Stretch] = []
        self._waited_s: float | None = None
        self._measurement: PhaseMeasurement | None = None
        self._opened: Snapshot | None = sampler.open()
        self._block_opened: Snapshot | None = self._opened

    @property
    def measurement(self) -> PhaseMeasurement:
        """What the window measured. RuntimeError while it is open."""
        if self._measurement is None:
            raise RuntimeError(f"window {self.name!r} is still open")
        return self._measurement

    @property
    def is_closed(self) -> bool:
        return self._measurement is not None

    def elapsed_s(self) -> float:
        """Seconds measured so far, without pauses."""
        running_s = self._clock.monotonic_s() - self._opened.time_s if self._opened is not None else 0.0
        return duration_s(self._stretches) + running_s

    def energy_j(self, scope: Scope) -> float | None:
        """Joules so far, as of the last sample, without pauses; None if the scope has no figure. Reads nothing."""
        accumulators = self._live(scope)
        if accumulators is None:
            return None
        total = []
        for position, accumulator in accumulators:
            closed_j = accumulated_j(self._stretches, position)
            opened_j = self._opened.energies_j[position] if self._opened is not None else accumulator.energy_j
            if closed_j is None or opened_j is None:
                return None
            total.append(closed_j + (max(0.0, accumulator.energy_j - opened_j) if self._opened is not None else 0.0))
        return math.fsum(total)

    def power_w(self, scope: Scope) -> float | None:
        """Watts over the last second or so; None if the scope has no figure, or none yet. Reads nothing."""
        powers = [accumulator.power_w for _, accumulator in self._live(scope) or []]
        known = [power for power in powers if power is not None]
        return math.fsum(known) if known and len(known) == len(powers) else None

    def pause(self) -> None:
        """Stop counting, e.g. for the random wait between two blocks. Waits for the device first."""
        if self._opened is None:
            raise RuntimeError(f"window {self.name!r} is paused already")
        self._synchronize()
        self._end_stretch(self._sampler.close(aligned=True))

    def resume(self) -> None:
        """Continue counting after a pause."""
        if self._opened is not None or self.is_closed:
            raise RuntimeError(f"window {self.name!r} is not paused")
        self._synchronize()
        self._opened = self._block_opened = self._sampler.open()

    def mark_block(self, images: int | None = None, *, repeat: bool = True) -> None:
        """Close a block: what was measured since the last block, or since the window opened.

        Mark only blocks of equal work, or give each one's `images`: their spread becomes the type A uncertainty. Give
        `repeat=False` for a block of other work: it is listed in the measurement, and not part of that spread. While
        the window is paused the block ends with the pause, else now (the device is waited for first). RuntimeError
        for a block in which nothing was measured.
        """
        if self._block_opened is not None:
            self._synchronize()
            now = self._sampler.mark()
            self._block.append((self._block_opened, now))
            self._block_opened = now
        if not self._block:
            raise RuntimeError("no block is open: resume the window first")
        self._blocks.append(MarkedBlock(self._block, images, repeat))
        self._block = []

    def waited(self, seconds: float) -> None:
        """Report that the data loop waited so many seconds for its input while the window was counting.

        Call it after each batch, or once for many; 0 says that there was no wait. A window on a GPU is flagged
        `input_starved` if the sum is more than `starvation.MAX_WAIT_SHARE` of its time. ValueError for a time that is
        negative or no number, RuntimeError once the window is closed.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"seconds waited must be 0 or more, not {seconds}")
        if self.is_closed:
            raise RuntimeError(f"window {self.name!r} is closed")
        self._waited_s = (self._waited_s or 0.0) + seconds

    def end(self, *, synchronize: bool = True) -> None:
        """Called by the meter when the body of the `with` statement ends: nothing is counted after this."""
        if self._opened is not None:
            if synchronize:
                self._synchronize()
            self._end_stretch(self._sampler.close(aligned=synchronize))

    def close(self, builder: MeasurementBuilder) -> None:
        """Called by the meter after `end`: build the measurement."""
        self._measurement = builder.phase(self.name, self._stretches, self._blocks, self._waited_s)

    def _end_stretch(self, now: Snapshot) -> None:
        if self._opened is not None:
            self._stretches.append((self._opened, now))
        if self._block_opened is not None:
            self._block.append((self._block_opened, now))
        self._opened = self._block_opened = None
