"""Sampled verification: part of a phase is metered, and the steps that are left out are charged at its mean.

What was done, warm-up included, is metered as it came; for each stage of equal steps, the steps left out are charged
at the mean energy per step of its steady-state blocks. So the figure approaches the full run's as the sample grows.
docs/methodology.md has the formulas.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from measurement.accounting import Uncertainty, combined, drift_variance
from measurement.meters import Block, PhaseMeasurement, Window
from measurement.record import Energy
from measurement.run.budget import Spending
from measurement.vocabulary import Provenance, Scope


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How much of each stage is metered. Shorten it in tests only: the defaults are the methodology's.

    After `warm_up_s` seconds, and at least `warm_up_steps` steps, at least `window_s` seconds in `blocks` blocks.
    """

    window_s: float = 30.0
    blocks: int = 5
    warm_up_s: float = 3.0
    warm_up_steps: int = 3


METHODOLOGY = SamplingPlan()


@dataclass(slots=True)
class StageSample:
    """The part of one stage that was run: `blocks` holds (index of the window's block, steps in it)."""

    stage: str
    steps_declared: int
    steps_run: int = 0
    blocks: list[tuple[int, int]] = field(default_factory=list)

    @property
    def steps_left(self) -> int:
        return self.steps_declared - self.steps_run

    def steady(self, amounts: Sequence[float]) -> Steady:
        """The stage's own blocks; `amounts` are the joules (or seconds) of all blocks of the window."""
        return Steady(
            tuple(amounts[index] for index, _ in self.blocks),
            tuple(steps for _, steps in self.blocks),
            self.steps_left,
        )


def no_budget(left_out: Spending) -> None:
    """Used without a budget: does nothing."""


class SampledPace:
    """A `Pace` that meters warm-up and steady-state blocks of each stage inside `window`, and leaves out the rest.

    A step's work may still be under way on the device when the next one begins, as in a full run; the window waits
    for it at the end of each block. clock: seconds, monotonic. check_budget: called after each block with what all
    loops so far leave out; what it raises ends the phase.
    """

    def __init__(
        self,
        window: Window,
        plan: SamplingPlan,
        clock: Callable[[], float] = time.monotonic,
        check_budget: Callable[[Spending], None] = no_budget,
    ) -> None:
        self._window, self._plan, self._clock = window, plan, clock
        self._check_budget = check_budget
        self._marked = 0
        self._marks = [self._so_far()]
        self.stages: list[StageSample] = []

    @property
    def left_out(self) -> bool:
        """Whether any step was left out, so that the network is not the one of the recipe."""
        return any(sample.steps_left for sample in self.stages)

    def steps(self, stage: str, count: int) -> Iterator[int]:
        sample = StageSample(stage, count)
        self.stages.append(sample)
        yield from self._run(sample, self._plan.warm_up_s, self._plan.warm_up_steps)
        self._mark()
        metered_s = 0.0
        while sample.steps_left and (metered_s < self._plan.window_s or len(sample.blocks) < self._plan.blocks):
            begun_s, done = self._clock(), sample.steps_run
            yield from self._run(sample, self._plan.window_s / self._plan.blocks, 1)
            sample.blocks.append((self._marked, sample.steps_run - done))
            self._mark()
            metered_s += self._clock() - begun_s
            self._check_budget(self._left_out())

    def _run(self, sample: StageSample, seconds: float, least: int) -> Iterator[int]:
        """Steps for `seconds`, at least `least` of them, or until none are left."""
        begun_s, before = self._clock(), sample.steps_run
        while sample.steps_left and (self._clock() - begun_s < seconds or sample.steps_run - before < least):
            yield sample.steps_run
            sample.steps_run += 1

    def _mark(self) -> None:
        self._window.mark_block(repeat=False)
        self._marked += 1
        self._marks.append(self._so_far())

    def _so_far(self) -> Spending:
        return Spending(self._window.elapsed_s(), self._window.energy_j(Scope.ACCELERATOR))

    def _left_out(self) -> Spending:
        """Seconds and joules of the steps that were not done, of all stages begun, from their blocks so far."""
        blocks = list(pairwise(self._marks))
        seconds = [ended.time_s - begun.time_s for begun, ended in blocks]
        joules = [
            math.nan if ended.energy_j is None or begun.energy_j is None else ended.energy_j - begun.energy_j
            for begun, ended in blocks
        ]
        left_out_s = math.fsum(sample.steady(seconds).left_out() for sample in self.stages)
        left_out_j = math.fsum(sample.steady(joules).left_out() for sample in self.stages)
        return Spending(left_out_s, None if math.isnan(left_out_j) else left_out_j)


@dataclass(frozen=True, slots=True)
class Steady:
    """Steady-state blocks of one stage: joules (or seconds) and steps of each, and how many steps were left out."""

    amounts: tuple[float, ...]
    steps: tuple[int, ...]
    steps_left: int

    def left_out(self) -> float:
        """Joules (or seconds) of the steps that were left out, at the mean of the blocks."""
        return self.steps_left * math.fsum(self.amounts) / sum(self.steps) if self.steps_left else 0.0

    def uncertainty(self) -> Uncertainty:
        """Uncertainty of `left_out`, for a power that drifts."""
        if not self.steps_left:
            return Uncertainty(0.0)
        blocks = len(self.steps)
        left = self.steps_left * blocks / sum(self.steps)
        per_step = [amount / steps for amount, steps in zip(self.amounts, self.steps, strict=True)]
        scatter = self.steps_left * statistics.stdev(per_step)
        return Uncertainty(scatter * math.sqrt(drift_variance(blocks, left)), blocks - 1)


def extrapolated(
    measured: PhaseMeasurement, stages: Sequence[StageSample], scope: Scope, idle_w: float | None
) -> Energy:
    """The record's figure for a whole phase of which `stages` were sampled in the window of `measured`.

    A metered figure becomes `extrapolated` if a step was left out; an estimate stays one, and what is missing stays
    missing. If the repeatability of the window's own joules is unknown, so is that of the sum.
    """
    energy = measured.to_energy(scope)
    if energy.energy_j is None or not any(sample.steps_left for sample in stages):
        return energy
    parts = [sample.steady([_joules(block, scope) for block in measured.blocks]) for sample in stages]
    seconds = [sample.steady([block.duration_s for block in measured.blocks]) for sample in stages]
    left_out_j = math.fsum(part.left_out() for part in parts)
    left_out_s = math.fsum(part.left_out() for part in seconds)
    repeatability_j = None
    if energy.repeatability_u95_j is not None:
        edges = Uncertainty(energy.repeatability_u95_j / Uncertainty(1.0).u95)
        repeatability_j = combined([edges, *(part.uncertainty() for part in parts)]).u95
    counted = energy.provenance == Provenance.METERED
    total_j = energy.energy_j + left_out_j
    return energy.model_copy(
        update={
            "provenance": Provenance.EXTRAPOLATED if counted else energy.provenance,
            "energy_j": total_j,
            "repeatability_u95_j": repeatability_j,
            "absolute_u95_j": _with_gain(energy, total_j, repeatability_j),
            "net_of_idle_j": None if idle_w is None else total_j - idle_w * (measured.duration_s + left_out_s),
        }
    )


def sample_details(measured: PhaseMeasurement, stages: Sequence[StageSample]) -> dict[str, Any]:
    """What the record keeps in the phase's `detail`, so that anyone can recompute the figure from the trace.

    `left_out_u95_j`: uncertainty of the joules of the steps left out, by scope; also for an estimate.
    """
    seconds = [sample.steady([block.duration_s for block in measured.blocks]) for sample in stages]
    return {
        "sampled": {
            "stages": [_stage(sample, measured.blocks) for sample in stages],
            "left_out_s": math.fsum(part.left_out() for part in seconds),
            "left_out_u95_j": {str(scope): _left_out_u95_j(measured, stages, scope) for scope in Scope},
        }
    }


def left_out_from(stages: Sequence[Mapping[str, Any]], amount: Callable[[float, float], float]) -> float:
    """Joules (or seconds) left out, recomputed from a record's `detail.sampled.stages`.

    amount: joules (or seconds) between two times of the trace's clock.
    """
    total = []
    for stage in stages:
        blocks = stage["blocks"]
        left = int(stage["steps_declared"]) - int(stage["steps_run"])
        amounts = tuple(amount(block["started_s"], block["ended_s"]) for block in blocks)
        total.append(Steady(amounts, tuple(int(block["steps"]) for block in blocks), left).left_out())
    return math.fsum(total)


def _joules(block: Block, scope: Scope) -> float:
    """Joules of a block in a scope whose whole window has a figure: then each of its blocks has one."""
    energy_j = block.energies_j[scope]
    return math.nan if energy_j is None else energy_j


def _left_out_u95_j(measured: PhaseMeasurement, stages: Sequence[StageSample], scope: Scope) -> float | None:
    """None if the scope has no joules."""
    if measured.energies[scope].energy_j is None:
        return None
    joules = [_joules(block, scope) for block in measured.blocks]
    return combined(sample.steady(joules).uncertainty() for sample in stages).u95


def _with_gain(energy: Energy, total_j: float, repeatability_j: float | None) -> float | None:
    """A gain error is one factor for all joules, so it grows as they do and is added linearly."""
    if energy.absolute_u95_j is None or repeatability_j is None or not energy.energy_j:
        return None
    return repeatability_j + (energy.absolute_u95_j - (energy.repeatability_u95_j or 0.0)) / energy.energy_j * total_j


def _stage(sample: StageSample, blocks: Sequence[Block]) -> dict[str, Any]:
    return {
        "stage": sample.stage,
        "steps_declared": sample.steps_declared,
        "steps_run": sample.steps_run,
        "blocks": [
            {"started_s": blocks[index].started_s, "ended_s": blocks[index].ended_s, "steps": steps}
            for index, steps in sample.blocks
        ],
    }
