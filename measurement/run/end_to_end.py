"""Energy per image with the loader: images are read, decoded, prepared and moved inside the window.

Importing it needs torch.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from measurement.meters import Window
from measurement.progress import Advance
from measurement.record import InferenceFigures
from measurement.run.deployment import Deployment
from measurement.run.inference import InferencePlan, Prepared, figures_of, satisfied
from measurement.vocabulary import Scope

Load = Callable[[int, Callable[[], bool]], Iterator[Tensor]]
"""`Split.loaded` of the images to infer."""


class _End:
    """When the loader is to begin no further batch: once asked to end, after whole passes over the images."""

    def __init__(self, pass_length: int) -> None:
        self.asked = False
        self._pass_length = pass_length
        self._begun = 0

    def __call__(self) -> bool:
        if self.asked and self._begun % self._pass_length == 0:
            return True
        self._begun += 1
        return False


def measure_with_loader(
    prepared: Prepared,
    deployment: Deployment,
    load: Load,
    window: Window,
    plan: InferencePlan,
    *,
    synchronize: Callable[[], None],
    advance: Advance,
    jitter: random.Random,
) -> InferenceFigures:
    """Run blocks of loaded batches inside `window` until the plan is satisfied.

    The window is never paused, since the loader would work
    on in the pause: blocks are longer by a random time instead. The loader starts and ends in the window, and all
    that it has begun is inferred, so that what it has read ahead is neither left out nor counted for nothing. Its
    start and its end are blocks of their own, outside the scatter of the others.
    """
    end = _End(prepared.pass_length)
    latencies_s: list[float] = []
    block_costs: list[float] = []
    deployment.network.eval()
    with torch.inference_mode():
        feed = load(prepared.batch_size, end)
        one = partial(_timed, deployment, feed, synchronize)

        def run(seconds: float) -> float:
            """Whole passes for so many seconds as a block; what an image cost, in joules, without them in seconds."""
            before_j, begun, first = window.energy_j(Scope.ACCELERATOR), time.perf_counter(), len(latencies_s)
            while len(latencies_s) == first or (
                time.perf_counter() - begun < seconds or len(latencies_s) % prepared.pass_length
            ):
                if (taken_s := one()) is None:
                    break
                latencies_s.append(taken_s)
            if not (images := (len(latencies_s) - first) * prepared.batch_size):
                return 0.0
            window.mark_block(images, repeat=0 < seconds < math.inf)
            after_j = window.energy_j(Scope.ACCELERATOR)
            spent = math.fsum(latencies_s[first:]) if before_j is None or after_j is None else after_j - before_j
            return spent / images

        run(0)
        while not satisfied(plan, math.fsum(latencies_s), block_costs):
            block_costs.append(run(plan.block_s + jitter.uniform(0, plan.max_jitter_s)))
            advance(min(1.0, math.fsum(latencies_s) / plan.max_duration_s), f"batch {prepared.batch_size}, loaded")
        end.asked = True
        run(math.inf)
    return figures_of(prepared, latencies_s, math.fsum(latencies_s), blocks=len(block_costs))


def _timed(deployment: Deployment, feed: Iterator[Tensor], synchronize: Callable[[], None]) -> float | None:
    """Seconds from asking the loader for a batch to its results; None if none comes any more."""
    started = time.perf_counter()
    batch = next(feed, None)
    if batch is None:
        return None
    deployment.network(deployment.resident(batch))
    synchronize()
    return time.perf_counter() - started
