"""The runs that bench/sampled.py compares. Importing it needs torch."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from measurement.dataroot import sha256_of, weights_root
from measurement.meters import EnergyMeter, Window
from measurement.methods import TECHNIQUES
from measurement.networks.weights import save_weights
from measurement.recipe import Recipe
from measurement.run.budget import Limits
from measurement.run.device import leave_a_core
from measurement.run.inference import InferencePlan
from measurement.run.offline_batch import ProbePlan
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.run.sampling import SampledPace, SamplingPlan
from measurement.run.steps import Steps, silent
from measurement.run.workbench import seed_all, set_up
from measurement.vocabulary import Phase, Scope

SAMPLING = SamplingPlan(window_s=2.5, warm_up_s=0.3)
UNCHARGED = ("inference", "evaluate")


def run_sample(recipe: Recipe) -> tuple[float, float]:
    """Joules of a sampled run's one-time phases, and the half-width of what was left out."""
    probing = ProbePlan(seconds=0.005, passes=1)
    brief = InferencePlan(0.2, 0.3, 0.04, 0.02, 0.05, max_jitter_s=0.0, probing=probing)
    with tempfile.TemporaryDirectory() as out:
        record = run_recipe(
            recipe, Path(out), RunOptions(mode="sampled", device="cpu", plan=brief, sampling=SAMPLING)
        )
    one_time = [phase.energy(Scope.ACCELERATOR) for phase in record.phases if phase.phase not in UNCHARGED]
    left_out_u95_j = [
        phase.detail["sampled"]["left_out_u95_j"][Scope.ACCELERATOR]
        for phase in record.phases
        if "sampled" in phase.detail
    ]
    half_width_j = math.hypot(*left_out_u95_j)
    return sum(energy.energy_j or 0.0 for energy in one_time), half_width_j


def keep_weights(recipe: Recipe) -> str:
    """Put random weights for the recipe's finished network into the store, and return their SHA-256."""
    workbench = set_up(recipe, "full", torch.device("cpu"))
    for position, spec in enumerate(recipe.phases):
        workbench.take(TECHNIQUES[spec.technique].rehearse(workbench.context(position)))
    weights_root().mkdir(exist_ok=True)
    save_weights(workbench.model, partial := weights_root() / "partial")
    sha256 = sha256_of(partial)
    partial.rename(weights_root() / f"{sha256}.safetensors")
    return sha256


class WholeInBlocks(SampledPace):
    """Does every step, and marks the blocks of a sample where it would be taken, then the rest of each stage."""

    def __init__(self, window: Window) -> None:
        super().__init__(window, SAMPLING)
        self.rests: list[int] = []

    def steps(self, stage: str, count: int) -> Iterator[int]:
        yield from super().steps(stage, count)
        yield from range(self.stages[-1].steps_run, count)
        self.rests.append(self._marked)
        self._mark()


def run_whole(recipe: Recipe) -> tuple[float, tuple[float, float]]:
    """Joules of the one-time phases done whole; how far a sample of this very run is off, and its half-width."""
    device = torch.device("cpu")
    leave_a_core(device)
    workbench = set_up(recipe, "full", device)
    whole_j = off_j = 0.0
    half_widths_j = []
    with EnergyMeter.for_device("cpu") as meter:
        spent_j = dict.fromkeys(Scope, 0.0)
        steps = Steps(meter, silent, Limits(None, None), started_s=time.monotonic(), spent_j=spent_j)
        for position, spec in enumerate(recipe.phases):
            step = steps.begin(Phase(spec.phase))
            seed_all(recipe.seed + position)
            with step.metered(f"{position}-{spec.phase}") as window:
                context = workbench.context(position, step.advance, pace := WholeInBlocks(window))
                workbench.take(TECHNIQUES[spec.technique].run(context))
            whole_j += window.measurement.energies[Scope.ACCELERATOR].energy_j or math.nan
            joules = [block.energies_j[Scope.ACCELERATOR] or 0.0 for block in window.measurement.blocks]
            for stage, rest in zip(pace.stages, pace.rests, strict=True):
                steady = stage.steady(joules)
                off_j += steady.left_out() - joules[rest] if stage.steps_left else 0.0
                half_widths_j.append(steady.uncertainty().u95)
    return whole_j, (off_j / whole_j, math.hypot(*half_widths_j) / whole_j)
