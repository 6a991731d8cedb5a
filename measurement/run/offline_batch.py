"""The batch of the scenario `offline`, from probes of every size (docs/methodology.md). No torch at import."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from measurement.record import BatchProbe

LEAST_GAIN = 1.02
"""A larger batch is chosen only if it adds more than 2 % of throughput."""

LONGEST_BATCH_S = 1.0
"""Seconds of a batch; larger batches than the first that takes longer are not tried."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """How the sizes are probed. Shorten it in tests only: the defaults are the methodology's.

    Every size gets `seconds` of batches in each of `passes` passes over all sizes, of which none begins after
    `max_duration_s`. All sizes get the same time, since work that fits into one time slice of the system looks fast
    on a busy machine.
    """

    seconds: float = 0.05
    passes: int = 5
    max_duration_s: float = 15.0


def probe_sizes(
    throughput: Callable[[int], float | None],
    *,
    max_batch_size: int,
    plan: ProbePlan,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[BatchProbe, ...]:
    """The median throughput of each power of two up to `max_batch_size`, in ascending order of size.

    throughput: images per second at a batch size; None if the device's memory doesn't hold it. The passes go up and
    down in turns, so that drift of the machine favours no size. Empty if not even one image fits.
    """
    begun_s = clock()
    found: dict[int, list[float]] = {}

    def probe(size: int) -> float | None:
        measured = throughput(size)
        if measured is None:
            for too_large in [known for known in found if known >= size]:
                del found[too_large]
        else:
            found.setdefault(size, []).append(measured)
        return measured

    size = 1
    while size <= max_batch_size and (measured := probe(size)) is not None and size / measured <= LONGEST_BATCH_S:
        size *= 2
    for turn in range(1, plan.passes):
        if len(found) < 2 or clock() - begun_s >= plan.max_duration_s:
            break
        for size in sorted(found, reverse=turn % 2 == 1):
            if size in found:  # larger sizes may have removed it: out of memory
                probe(size)
    return tuple(
        BatchProbe(batch_size=size, throughput_images_per_s=statistics.median(measured))
        for size, measured in sorted(found.items())
    )


def offline_batch_size(probes: Sequence[BatchProbe]) -> int:
    """The smallest batch whose throughput is within 2 % of the best; 1 without probes."""
    best = max((probe.throughput_images_per_s for probe in probes), default=0.0)
    return min((probe.batch_size for probe in probes if probe.throughput_images_per_s * LEAST_GAIN > best), default=1)
