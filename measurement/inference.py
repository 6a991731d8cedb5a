"""Energy per image of the finished network: steady-state windows in blocks (docs/methodology.md).

Importing it needs torch.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import torch
from torch import Tensor, nn

from measurement.accounting import repeat_uncertainty
from measurement.memory import is_out_of_memory
from measurement.meters import Window
from measurement.methods.base import Advance
from measurement.record import InferenceFigures
from measurement.tracks import Split
from measurement.vocabulary import Scenario, Scope

LEAST_GAIN = 1.02
"""Doubling the batch must bring 2 % of throughput to be worth it."""

MOST_IMAGES, LEAST_IMAGES = 1024, 64
MOST_BYTES = 2**30


def resident_images(channels: int, resolution: int) -> int:
    """How many test images inference cycles over: as many as MOST_BYTES hold, within the bounds above.

    A power of two, as the batches are: whole passes then need no image twice.
    """
    held = MOST_BYTES // (channels * resolution**2 * torch.float32.itemsize)
    return min(MOST_IMAGES, max(LEAST_IMAGES, 1 << held.bit_length() >> 1))


@dataclass(frozen=True, slots=True)
class InferencePlan:
    """How long one scenario is metered. Shorten it in tests only: the defaults are the methodology's.

    The window ends once `min_duration_s` and `min_blocks` are reached and the half-width of the mean energy per image
    (95 %) is under `target_half_width` of it, and at `max_duration_s` otherwise. Between blocks it is closed for a
    random time up to `max_jitter_s`, so that blocks don't fall into step with the meter.
    """

    min_duration_s: float
    max_duration_s: float
    block_s: float
    warm_up_s: float
    max_warm_up_s: float
    min_blocks: int = 5
    target_half_width: float = 0.01
    max_jitter_s: float = 0.1

    @classmethod
    def for_device(cls, device: torch.device) -> InferencePlan:
        """At least 30 s in all on a GPU and 5 s on a CPU; the cap is 20 % above."""
        if device.type == "cuda":
            return cls(min_duration_s=30, max_duration_s=36, block_s=3, warm_up_s=3, max_warm_up_s=15)
        return cls(min_duration_s=5, max_duration_s=6, block_s=0.5, warm_up_s=0.5, max_warm_up_s=2)


def across(split: Split, count: int) -> Tensor:
    """`count` images from all over the split (all where there are fewer): its first may be of one class alone.

    Float32 (count, channels, resolution, resolution), resident on the split's device.
    """
    count = min(count, len(split))
    return split.part([number * len(split) // count for number in range(count)]).first(count)[0]


class Inputs:
    """The test images, resident on the device, cut into batches of any size.

    whole_passes: a block ends only with the last of all images, since what an image costs depends on it.
    """

    def __init__(self, images: Tensor, *, whole_passes: bool = False) -> None:
        self._images = images
        self.whole_passes = whole_passes

    @property
    def one(self) -> Tensor:
        return self._images[:1]

    def batches(self, batch_size: int) -> Iterator[Tensor]:
        """Endless batches of exactly `batch_size` images, each image repeated only where there are fewer.

        In whole passes every image comes equally often, in as many repeats as make full batches of them.
        """
        return cycle(self._pass(batch_size))

    def pass_length(self, batch_size: int) -> int:
        """Batches after which a block may end."""
        return len(self._pass(batch_size)) if self.whole_passes else 1

    def _pass(self, batch_size: int) -> list[Tensor]:
        images, count = self._images, len(self._images)
        starts = list(range(0, max(1, count - batch_size + 1), batch_size))
        if self.whole_passes:
            starts = [start % count for start in range(0, math.lcm(batch_size, count), batch_size)]
        # Batches overlap in memory, so that many repeats take no more of it than a few.
        repeats = math.ceil((max(starts) + batch_size) / count)
        if repeats > 1:
            images = images.repeat(repeats, 1, 1, 1)
        return [images[start : start + batch_size] for start in starts]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario after its warm-up, ready for the meter's window."""

    batch_size: int
    feed: Iterator[Tensor]
    pass_length: int = 1


def prepare(
    scenario: Scenario,
    model: nn.Module,
    inputs: Inputs,
    plan: InferencePlan,
    *,
    max_batch_size: int,
    synchronize: Callable[[], None],
) -> Prepared:
    """Choose the batch and warm up until throughput is steady. Runs before the window opens."""
    model.eval()
    with torch.inference_mode():
        batch_size = 1
        if scenario == Scenario.OFFLINE:
            batch_size = offline_batch_size(
                lambda size: _probe(model, inputs, size, synchronize), max_batch_size=max_batch_size
            )
        feed = inputs.batches(batch_size)
        _warm_up(model, feed, plan, synchronize)
        feed = inputs.batches(batch_size)  # from the first image on again
    return Prepared(batch_size, feed, inputs.pass_length(batch_size))


def measure(
    prepared: Prepared,
    model: nn.Module,
    window: Window,
    plan: InferencePlan,
    *,
    synchronize: Callable[[], None],
    advance: Advance,
    jitter: random.Random,
) -> InferenceFigures:
    """Run blocks inside `window` until the plan is satisfied."""
    latencies_s: list[float] = []
    block_costs: list[float] = []
    busy_s = 0.0
    model.eval()
    with torch.inference_mode():
        while True:
            before_j = window.energy_j(Scope.ACCELERATOR)
            block_s = _run_block(model, prepared.feed, plan.block_s, synchronize, prepared.pass_length)
            window.pause()
            images = len(block_s) * prepared.batch_size
            window.mark_block(images)
            after_j = window.energy_j(Scope.ACCELERATOR)
            latencies_s += block_s
            busy_s += math.fsum(block_s)
            # Without a figure in joules, steadiness is judged by time.
            cost = math.fsum(block_s) if before_j is None or after_j is None else after_j - before_j
            block_costs.append(cost / images)
            advance(min(1.0, busy_s / plan.max_duration_s), f"batch {prepared.batch_size}")
            if satisfied(plan, busy_s, block_costs):
                break
            time.sleep(jitter.uniform(0, plan.max_jitter_s))
            window.resume()
    return _figures(prepared.batch_size, latencies_s, busy_s, blocks=len(block_costs))


def offline_batch_size(throughput: Callable[[int], float | None], *, max_batch_size: int) -> int:
    """The largest power of two before throughput gains fall under 2 %.

    throughput: images per second at a batch size; None where the device's memory doesn't hold it. Two sizes in a row
    must fail to gain before the search ends, because one of them may have met a busy moment.
    """
    best_size, best = 1, throughput(1) or 0.0
    size, failures = 2, 0
    while size <= max_batch_size and failures < 2:
        found = throughput(size)
        if found is None:
            break
        if found >= best * LEAST_GAIN:
            best_size, best, failures = size, found, 0
        else:
            failures += 1
        size *= 2
    return best_size


def _probe(model: nn.Module, inputs: Inputs, batch_size: int, synchronize: Callable[[], None]) -> float | None:
    """Images per second of the fastest of a few batches; None where memory is too small."""
    try:
        feed = inputs.batches(batch_size)
        times_s = [_timed(model, next(feed), synchronize) for _ in range(5)]
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None
    return batch_size / min(times_s[1:])


def _warm_up(model: nn.Module, feed: Iterator[Tensor], plan: InferencePlan, synchronize: Callable[[], None]) -> None:
    """Run until two stretches in a row differ by less than 5 % in throughput, or the plan's patience ends."""
    begun = time.monotonic()
    previous_s = math.inf
    while True:
        mean_s = statistics.fmean(_run_block(model, feed, plan.warm_up_s / 2, synchronize))
        if abs(mean_s - previous_s) < 0.05 * mean_s or time.monotonic() - begun >= plan.max_warm_up_s:
            return
        previous_s = mean_s


def _run_block(
    model: nn.Module, feed: Iterator[Tensor], seconds: float, synchronize: Callable[[], None], pass_length: int = 1
) -> list[float]:
    """Whole passes of so many batches for at least `seconds`: the seconds that each batch took."""
    begun = time.perf_counter()
    latencies_s = [_timed(model, next(feed), synchronize)]
    while time.perf_counter() - begun < seconds or len(latencies_s) % pass_length:
        latencies_s.append(_timed(model, next(feed), synchronize))
    return latencies_s


def _timed(model: nn.Module, batch: Tensor, synchronize: Callable[[], None]) -> float:
    started = time.perf_counter()
    model(batch)
    synchronize()
    return time.perf_counter() - started


def satisfied(plan: InferencePlan, busy_s: float, block_costs: Sequence[float]) -> bool:
    """Whether the window may end. block_costs: energy per image (or anything proportional) of each block so far."""
    if len(block_costs) < plan.min_blocks or busy_s < plan.min_duration_s:
        return False
    spread = repeat_uncertainty(block_costs)
    steady = spread is not None and spread.u95 < plan.target_half_width * statistics.fmean(block_costs)
    return steady or busy_s >= plan.max_duration_s


def _figures(batch_size: int, latencies_s: list[float], busy_s: float, blocks: int) -> InferenceFigures:
    images = len(latencies_s) * batch_size
    in_order = sorted(latencies_s)
    return InferenceFigures(
        images=images,
        batch_size=batch_size,
        blocks=blocks,
        throughput_images_per_s=images / busy_s,
        latency_p50_ms=1000 * nearest_rank(in_order, 0.50),
        latency_p90_ms=1000 * nearest_rank(in_order, 0.90),
        latency_p99_ms=1000 * nearest_rank(in_order, 0.99),
    )


def nearest_rank(in_order: list[float], share: float) -> float:
    """The smallest of ascending values that at least `share` of them don't exceed (as MLPerf's load generator)."""
    return in_order[max(0, math.ceil(share * len(in_order)) - 1)]
