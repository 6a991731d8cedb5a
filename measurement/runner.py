"""Runs a recipe: its phases in order, each inside a meter window, then evaluation and inference.

Importing it needs torch; the command line does so only for `run`.
"""

from __future__ import annotations

import copy
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from measurement import assembly
from measurement.budget import Limits
from measurement.errors import BadInput, MeasurementError
from measurement.events import Finished, Started
from measurement.inference import InferencePlan, Inputs, measure, prepare
from measurement.meters import EnergyMeter
from measurement.meters.discovery import describe_hardware
from measurement.methods import TECHNIQUES, PhaseContext, PhaseOutcome, no_progress
from measurement.model import build_model, count_macs, count_parameters
from measurement.output import RECORD, TRACE, WEIGHTS, OutputFolder, sha256_of
from measurement.quality import top1_accuracy
from measurement.recipe import DeclaredPhase, Recipe
from measurement.record import ModelFacts, PhaseRecord, Quality, Record, write_record
from measurement.steps import Reporter, Steps, silent, step_name
from measurement.tracks import TRACKS, Split
from measurement.vocabulary import Mode, Phase, Scenario

RESIDENT_IMAGES = 1024
"""Test images that inference cycles over, resident on the device."""


def run_recipe(
    recipe: Recipe,
    out: Path,
    *,
    mode: Mode = "full",
    device: str = "auto",
    budget_s: float | None = None,
    budget_j: float | None = None,
    require_metered: bool = False,
    force: bool = False,
    reporter: Reporter = silent,
    plan: InferencePlan | None = None,
) -> Record:
    """Run `recipe` on `device` and write its record, trace and weights to the folder `out`.

    The smaller of the given budget and the recipe's own holds. Raises BadInput, OverBudget, MeterMissing or another
    MeasurementError; then `out` holds no record.
    """
    started_s, started_at = time.monotonic(), datetime.now(UTC)
    if mode != "full":
        raise BadInput("not available yet on this track; use --mode full", field="--mode")
    folder = OutputFolder(out, force=force)
    torch_device = choose_device(device)
    leave_a_core(torch_device)
    synchronize = _synchronize_of(torch_device)
    meter = EnergyMeter.for_device(str(torch_device), require_metered=require_metered, synchronize=synchronize)
    hardware = describe_hardware(str(torch_device))
    limits = Limits(budget_s, budget_j).tightened(Limits(recipe.budget.time_s, recipe.budget.energy_j))
    plan = plan or InferencePlan.for_device(torch_device)

    with ExitStack() as held:
        # Before the set-up: what works on the device only to prepare would disturb another measurement too.
        held.enter_context(meter.exclusive())
        workbench = _set_up(recipe, torch_device, synchronize)
        folder.open(recipe)
        reporter(Started(hardware=hardware.name, phases=_step_names(recipe)))
        held.enter_context(meter)
        meter.measure_idle()
        steps = Steps(meter, reporter, limits, started_s)
        phases = [_one_time(workbench, steps, position) for position in range(len(recipe.phases))]
        quality, evaluation = _evaluate(workbench, steps, position=len(phases))
        phases.append(evaluation)
        for scenario in recipe.inference.scenarios:
            phases.append(_inference(workbench, steps, len(phases), Scenario(scenario), plan))

        phases = [assembly.checked_against_power_limit(phase, hardware) for phase in phases]
        with folder.staged() as staging:
            meter.write_trace(staging / TRACE)
            safetensors.torch.save_model(workbench.model, str(staging / WEIGHTS))
            record = Record(
                recipe=recipe,
                recipe_sha256=recipe.sha256,
                track_protocol_version=TRACKS[recipe.track].protocol_version,
                mode=mode,
                hardware=assembly.with_thread_settings(hardware),
                software=assembly.software_versions(),
                started_at=started_at,
                ended_at=datetime.now(UTC),
                quality=quality,
                model=ModelFacts(
                    architecture=workbench.architecture,
                    resolution=workbench.test.resolution,
                    parameters=count_parameters(workbench.model),
                    macs=count_macs(workbench.model, workbench.test.first(1)[0]),
                    weights_sha256=sha256_of(staging / WEIGHTS),
                ),
                idle_power_w=meter.idle_power_w,
                phases=tuple(phases),
                trace_sha256=sha256_of(staging / TRACE),
            )
            write_record(record, staging / RECORD)
    reporter(Finished())
    return record


@dataclass(slots=True)
class _Workbench:
    """What the steps work on; phases replace the model, and a search also architecture and resolution."""

    recipe: Recipe
    device: torch.device
    synchronize: Callable[[], None]
    model: nn.Module
    train: Split
    test: Split
    architecture: str

    def context(self, position: int, advance: Callable[..., None] = no_progress) -> PhaseContext:
        return PhaseContext(
            spec=self.recipe.phases[position],
            position=position,
            recipe=self.recipe,
            track=TRACKS[self.recipe.track],
            model=self.model,
            train=self.train,
            device=self.device,
            seed=self.recipe.seed + position,
            advance=advance,
        )

    def take(self, outcome: PhaseOutcome) -> None:
        """Go on with what a phase has made."""
        self.model = outcome.model
        self.architecture = outcome.architecture or self.architecture
        if outcome.resolution not in (None, self.train.resolution):
            self.train, self.test = _data(self.recipe, outcome.resolution, self.device)


def _set_up(recipe: Recipe, device: torch.device, synchronize: Callable[[], None]) -> _Workbench:
    """Data and network on the device, and every phase tried on a copy: bad input costs no energy."""
    with explained("while the model was set up", "model"):
        _seed(recipe.seed)
        model = build_model(recipe, TRACKS[recipe.track], device)
        splits = _data(recipe, recipe.model.resolution, device)
        workbench = _Workbench(recipe, device, synchronize, model, *splits, recipe.model.architecture)
        rehearsal = replace(workbench, model=copy.deepcopy(model))
        for position, spec in enumerate(recipe.phases):
            if spec.technique != "declared":
                rehearsal.take(TECHNIQUES[spec.technique].rehearse(rehearsal.context(position)))
    return workbench


def _data(recipe: Recipe, resolution: int, device: torch.device) -> tuple[Split, Split]:
    track = TRACKS[recipe.track]
    return track.load_train(resolution).to(device), track.load_test(resolution).to(device)


def _one_time(workbench: _Workbench, steps: Steps, position: int) -> PhaseRecord:
    spec = workbench.recipe.phases[position]
    if isinstance(spec, DeclaredPhase):
        return assembly.declared(position, spec)
    step = steps.begin(Phase(spec.phase))
    _seed(workbench.recipe.seed + position)
    with (
        explained(f"in phase {spec.phase}", f"phases.{position}"),
        step.metered(f"{position}-{spec.phase}") as window,
    ):
        outcome = TECHNIQUES[spec.technique].run(workbench.context(position, step.advance))
    workbench.take(outcome)
    return assembly.metered(position, Phase(spec.phase), spec.technique, window.measurement, detail=outcome.detail)


def _evaluate(workbench: _Workbench, steps: Steps, position: int) -> tuple[Quality, PhaseRecord]:
    step = steps.begin(Phase.EVALUATE)
    with explained("in the evaluation", "model"), step.metered(f"{position}-evaluate") as window:
        accuracy = top1_accuracy(workbench.model, workbench.test, workbench.device, step.advance)
    metric = TRACKS[workbench.recipe.track].metric
    quality = Quality(metric=metric, value=accuracy, provenance="evaluated", images=len(workbench.test))
    return quality, assembly.metered(position, Phase.EVALUATE, "evaluate", window.measurement)


def _inference(
    workbench: _Workbench, steps: Steps, position: int, scenario: Scenario, plan: InferencePlan
) -> PhaseRecord:
    step = steps.begin(Phase.INFERENCE, scenario)
    step.length_is_known = False
    inputs = Inputs(workbench.test.first(RESIDENT_IMAGES)[0])
    synchronize = workbench.synchronize
    with explained(f"in {step_name(Phase.INFERENCE, scenario)}", "inference.max_batch_size"):
        prepared = prepare(
            scenario,
            workbench.model,
            inputs,
            plan,
            max_batch_size=workbench.recipe.inference.max_batch_size,
            synchronize=synchronize,
        )
        # The moments of measuring must not be those of an earlier run: from the system's randomness, not the seed.
        jitter = random.SystemRandom()
        with step.metered(f"{position}-inference-{scenario}") as window:
            figures = measure(
                prepared,
                workbench.model,
                window,
                plan,
                synchronize=synchronize,
                advance=step.advance,
                jitter=jitter,
            )
    return assembly.inference(position, scenario, window.measurement, figures, plan.target_half_width)


def choose_device(asked: str) -> torch.device:
    """`auto` is the first GPU where torch sees one, else the CPU. Raises BadInput for a device that isn't there."""
    if asked == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    kind, _, ordinal = asked.partition(":")
    if asked == "cpu" or (kind == "cuda" and ordinal.isdecimal() and int(ordinal) < torch.cuda.device_count()):
        return torch.device(asked)
    there = ", ".join(["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))])
    raise BadInput(f"{asked!r} is not a device of this machine; there is: {there}", field="--device")


def leave_a_core(device: torch.device) -> None:
    """On a CPU, compute with one thread fewer than there are cores, unless OMP_NUM_THREADS says otherwise.

    The meter's thread and whatever else the machine does need a core too: where a computing thread has to make room
    for them, all the others wait for it at every layer, and a figure becomes many times what it should be.
    """
    if device.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, min(torch.get_num_threads(), cores - 1)))


@contextmanager
def explained(where: str, field: str) -> Iterator[None]:
    """Turn torch's ways of running out of memory into one error that a person understands."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        message = str(error)
        exhausted = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if exhausted or "can't allocate memory" in message or "out of memory" in message:
            raise MeasurementError(
                f"out of memory {where}; a smaller batch_size or resolution needs less", field=field
            ) from error
        raise


def _step_names(recipe: Recipe) -> tuple[str, ...]:
    return (
        *(spec.phase for spec in recipe.phases if spec.technique != "declared"),
        str(Phase.EVALUATE),
        *(step_name(Phase.INFERENCE, scenario) for scenario in recipe.inference.scenarios),
    )


def _synchronize_of(device: torch.device) -> Callable[[], None]:
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return lambda: None


def _seed(seed: int) -> None:
    random.seed(seed)
    torch.manual_seed(seed)
