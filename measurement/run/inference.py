"""Energy per image of the finished network: steady-state windows in blocks (docs/methodology.md).

Importing it needs torch.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import torch
from torch import Tensor, nn

from measurement.accounting import repeat_uncertainty
from measurement.meters import Window
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.progress import Advance
from measurement.record import BatchProbe, InferenceFigures
from measurement.run.offline_batch import ProbePlan, offline_batch_size, probe_sizes
from measurement.run.peak_memory import peak_memory_bytes
from measurement.tracks import Split
from measurement.tracks.base import S
from measurement.vocabulary import Scenario, Scope

MOST_IMAGES, LEAST_IMAGES = 1024, 64
MOST_BYTES = 2**30


def resident_images(channels: int, resolution: int) -> int:
    """How many test images inference cycles over: as many as MOST_BYTES hold, within the bounds above.

    A power of two, like the batches: then whole passes repeat no image.
    """
    held = MOST_BYTES // (channels * resolution**2 * torch.float32.itemsize)
    return min(MOST_IMAGES, max(LEAST_IMAGES, 1 << held.bit_length() >> 1))


@dataclass(frozen=True, slots=True)
class InferencePlan:
    """How long one scenario is metered. Shorten it in tests only: the defaults are the methodology's.

    The window ends once `min_duration_s` and `min_blocks` are reached and the half-width of the mean energy per image
    (95 %) is under `target_half_width` of it, and at `max_duration_s` otherwise. Between blocks it is closed for a
    random time up to `max_jitter_s`, so that blocks don't fall into step with the meter. A window that the machine's
    other work disturbed is repeated up to `repeats` times.
    """

    min_duration_s: float
    max_duration_s: float
    block_s: float
    warm_up_s: float
    max_warm_up_s: float
    min_blocks: int = 5
    target_half_width: float = 0.01
    max_jitter_s: float = 0.1
    repeats: int = 0
    probing: ProbePlan = field(default_factory=ProbePlan)

    @classmethod
    def for_device(cls, device: torch.device) -> InferencePlan:
        """At least 30 s in all on a GPU and 5 s on a CPU; the cap is 20 % above."""
        if device.type == "cuda":
            return cls(min_duration_s=30, max_duration_s=36, block_s=3, warm_up_s=3, max_warm_up_s=15)
        return cls(min_duration_s=5, max_duration_s=6, block_s=0.5, warm_up_s=0.5, max_warm_up_s=2, repeats=2)


def across(split: Split, count: int) -> Tensor:
    """`count` images spread over the split (all if there are fewer): the first ones may all be of one class.

    Float32 (count, channels, resolution, resolution), resident on the split's device.
    """
    return spread(split, count).first(count)[0]


def spread(split: S, count: int) -> S:
    """`count` images of the split, as `across` chooses them."""
    count = min(count, len(split))
    return split.part([number * len(split) // count for number in range(count)])


class Inputs:
    """The test images, resident on the device, cut into batches of any size.

    whole_passes: a block ends only after all images, since the cost of an image depends on the image.
    """

    def __init__(self, images: Tensor, *, whole_passes: bool = False) -> None:
        self._images = images
        self.whole_passes = whole_passes

    @property
    def one(self) -> Tensor:
        return self._images[:1]

    def batches(self, batch_size: int) -> Iterator[Tensor]:
        """Endless batches of exactly `batch_size` images, each image repeated only if there are fewer.

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
            images = images.repeat(repeats, *[1] * (images.ndim - 1))
        return [images[start : start + batch_size] for start in starts]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario after its warm-up, ready for the meter's window. `probes` are what its batch was chosen by."""

    batch_size: int
    feed: Iterator[Tensor]
    pass_length: int = 1
    probes: tuple[BatchProbe, ...] = ()
    peak_memory_bytes: int | None = None


def prepare(
    scenario: Scenario,
    model: nn.Module,
    inputs: Inputs,
    plan: InferencePlan,
    *,
    max_batch_size: int,
    synchronize: Callable[[], None],
    probed: nn.Module | None = None,
    probes: tuple[BatchProbe, ...] = (),
) -> Prepared:
    """Choose the batch, find how much memory it takes, and warm up until throughput is steady.

    probed: the network to choose the batch by, if it is not `model`: one that need not be compiled for each size.
    probes: of the same network, by which the batch was chosen for another scenario.
    Runs before the window opens: finding the memory gives memory back, which costs time and energy.
    """
    model.eval()
    with torch.inference_mode():
        if scenario == Scenario.SINGLE_STREAM:
            probes = ()
        elif not probes:
            probes = probe_sizes(
                lambda size: _probe(probed or model, inputs, size, plan.probing.seconds, synchronize),
                max_batch_size=max_batch_size,
                plan=plan.probing,
            )
        batch_size = offline_batch_size(probes)
        memory = _peak_memory_bytes(model, inputs, batch_size, synchronize)
        feed = inputs.batches(batch_size)
        _warm_up(model, feed, plan, synchronize)
        feed = inputs.batches(batch_size)  # again from the first image
    return Prepared(batch_size, feed, inputs.pass_length(batch_size), probes, memory)


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
            # Without joules, steadiness is judged by time.
            cost = math.fsum(block_s) if before_j is None or after_j is None else after_j - before_j
            block_costs.append(cost / images)
            advance(min(1.0, busy_s / plan.max_duration_s), f"batch {prepared.batch_size}")
            if satisfied(plan, busy_s, block_costs):
                break
            time.sleep(jitter.uniform(0, plan.max_jitter_s))
            window.resume()
    return figures_of(prepared, latencies_s, busy_s, blocks=len(block_costs))


def _peak_memory_bytes(
    model: nn.Module, inputs: Inputs, batch_size: int, synchronize: Callable[[], None]
) -> int | None:
    """Over two batches, since the first one's results may be there while the second runs; or over a whole pass."""
    feed, batches = inputs.batches(batch_size), max(2, inputs.pass_length(batch_size))

    def run() -> None:
        for _ in range(batches):
            _timed(model, next(feed), synchronize)

    return peak_memory_bytes(model, next(inputs.batches(batch_size)), run)


def _probe(
    model: nn.Module, inputs: Inputs, batch_size: int, seconds: float, synchronize: Callable[[], None]
) -> float | None:
    """Images per second over `seconds` of batches, after one more; None if memory is too small.

    On a CPU, only the time given to the computing thread counts; otherwise the machine's other load would decide.
    With three other processes on two cores, the scatter falls from 15-30 % to 4-8 %.
    """
    clock = time.thread_time if inputs.one.device.type == "cpu" else time.perf_counter
    try:
        feed = inputs.batches(batch_size)
        _timed(model, next(feed), synchronize)
        begun_s = clock()
        batches = len(_run_block(model, feed, seconds, synchronize))
        taken_s = clock() - begun_s
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None
    return batch_size * batches / taken_s


def _warm_up(model: nn.Module, feed: Iterator[Tensor], plan: InferencePlan, synchronize: Callable[[], None]) -> None:
    """Run until two stretches in a row differ by less than 5 % in throughput, or the plan's limit is reached."""
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
    """Run whole passes of so many batches for at least `seconds`; returns the seconds of each batch."""
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


def figures_of(prepared: Prepared, latencies_s: list[float], busy_s: float, blocks: int) -> InferenceFigures:
    """The record's figures, from the seconds of each batch."""
    images = len(latencies_s) * prepared.batch_size
    in_order = sorted(latencies_s)
    return InferenceFigures(
        images=images,
        batch_size=prepared.batch_size,
        blocks=blocks,
        throughput_images_per_s=images / busy_s,
        latency_p50_ms=1000 * nearest_rank(in_order, 0.50),
        latency_p90_ms=1000 * nearest_rank(in_order, 0.90),
        latency_p99_ms=1000 * nearest_rank(in_order, 0.99),
        probes=prepared.probes,
        peak_memory_bytes=prepared.peak_memory_bytes,
    )


def nearest_rank(in_order: list[float], share: float) -> float:
    """The smallest of ascending values that at least `share` of them don't exceed (as MLPerf's load generator)."""
    return in_order[max(0, math.ceil(share * len(in_order)) - 1)]
