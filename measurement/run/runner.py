"""Runs a recipe: its phases in order, each inside a meter window, then evaluation and inference.

Importing it needs torch; the command line does so only for `run`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from measurement.dataroot import sha256_of
from measurement.errors import BadInput
from measurement.events import Finished, Started
from measurement.meters import EnergyMeter
from measurement.meters.discovery import describe_hardware, missing_meter
from measurement.methods import TECHNIQUES, PhaseOutcome
from measurement.networks.build import count_macs, count_parameters
from measurement.networks.early_exit import CountingExits, EarlyExitNetwork, is_dynamic
from measurement.networks.onnx_network import OnnxNetwork
from measurement.networks.weights import save_weights, take_finished_weights
from measurement.progress import Advance, FullPace
from measurement.recipe import OnnxModel, Recipe
from measurement.recipe.parts import DeclaredEnergy
from measurement.recipe.training import asks_for_determinism, early_stoppings
from measurement.record import (
    BatchProbe,
    Hardware,
    HiddenQuality,
    InferenceFigures,
    ModelFacts,
    PhaseRecord,
    Quality,
    Record,
    write_record,
)
from measurement.run import record_parts
from measurement.run.budget import NOTHING, Limits
from measurement.run.checkpoint import Attempt, Checkpoint, Earlier, Origin
from measurement.run.deployment import Deployment, deployed
from measurement.run.device import choose_device, leave_a_core, make_current, synchronizer_of
from measurement.run.end_to_end import measure_with_loader
from measurement.run.inference import InferencePlan, Inputs, across, measure, prepare, resident_images, spread
from measurement.run.memory import freed_memory_kept, give_back_freed_memory
from measurement.run.options import RunOptions
from measurement.run.output import RECORD, TRACE, WEIGHTS, OutputFolder
from measurement.run.sampling import SampledPace, SamplingPlan
from measurement.run.steps import Steps, step_name
from measurement.run.workbench import Data, Workbench, explained, seed_all, set_up
from measurement.tracks.evaluation import evaluate, refuse_guessing
from measurement.tracks.hidden import seed_of_draw
from measurement.training.numerics import reproducible_cublas, tensor_float32
from measurement.vocabulary import DISTURBED_FLAGS, Flag, Phase, Scenario, Scope


def run_recipe(recipe: Recipe, out: Path, options: RunOptions | None = None) -> Record:
    """Run `recipe` and write its record, trace and weights to the folder `out`.

    The given budget and the recipe's own both hold; the latter also for what a sample leaves out. Budgets cover all
    attempts together if the run is resumed. Raises BadInput, OverBudget, MeterMissing or another MeasurementError;
    then `out` holds no record.
    """
    options = options or RunOptions()
    started_s, started_at = time.monotonic(), datetime.now(UTC)
    if options.mode == "sampled" and (fault := recipe.why_not_sampled()) is not None:
        raise BadInput(fault.message, field=fault.field)
    folder = OutputFolder(out, force=options.force)
    device = choose_device(options.device)
    leave_a_core(device)
    hardware = describe_hardware(str(device))
    checkpoint = Checkpoint(out, Origin.of(recipe.sha256, options.mode, hardware))
    earlier = checkpoint.read() if options.resume else Earlier()
    synchronize = synchronizer_of(device)
    meter = EnergyMeter.for_device(
        str(device), require_metered=options.require_metered, clock=earlier.clock(), synchronize=synchronize
    )
    if not meter.sources(Scope.ACCELERATOR):  # inference would have no figure in the end, whatever it cost until then
        raise missing_meter(meter.device, meter.remedies)
    with ExitStack() as held:
        allocator = held.enter_context(freed_memory_kept(device, options.memory_mb))
        held.enter_context(reproducible_cublas(asks_for_determinism(recipe)))
        held.enter_context(tensor_float32(device))
        # Before the set-up: preparing work on the device would disturb another measurement too.
        held.enter_context(meter.exclusive())
        make_current(device)
        workbench = set_up(recipe, options.mode, device)
        folder.open(recipe)
        checkpoint.begin(earlier)
        held.enter_context(checkpoint.removed_on_early_failure())
        options.reporter(Started(hardware=hardware.name, phases=_step_names(recipe, workbench.data)))
        held.enter_context(meter)
        attempt = Attempt(checkpoint, meter, started_at, earlier)
        steps = Steps(
            meter,
            options.reporter,
            options.limits,
            started_s=started_s - earlier.spent_s,
            spent_j=earlier.spent_j(),
            declared=Limits(recipe.budget.time_s, recipe.budget.energy_j),
            note_spent=attempt.note_spent,
        )
        attempt.steps = steps
        run = _Run(recipe, workbench, steps, synchronize, options, started_at, allocator)
        quality, phases = _measured(run, attempt)
        record = _written(run, attempt, folder, hardware, quality, phases)
        checkpoint.clear()
    options.reporter(Finished())
    return record


def _measured(run: _Run, attempt: Attempt) -> tuple[Quality, list[PhaseRecord]]:
    """Every phase in order, then the evaluation and inference in each scenario."""
    phases = _one_time_phases(run, attempt)
    plan = run.options.plan or InferencePlan.for_device(run.workbench.device)
    finished_sha256 = _take_finished(run)
    with _deployed(run, position=len(phases)) as deployment:
        quality, evaluation = _quality(run, len(phases), deployment, finished_sha256)
        phases += evaluation
        for scenario in run.recipe.inference.scenarios:
            phases.append(_inference(run, len(phases), Scenario(scenario), plan, deployment))
    return quality, phases


def _written(  # noqa: PLR0917 - the parts of a record
    run: _Run,
    attempt: Attempt,
    folder: OutputFolder,
    hardware: Hardware,
    quality: Quality,
    phases: list[PhaseRecord],
) -> Record:
    """Trace, weights and record, which appear in the folder together."""
    workbench = run.workbench
    with folder.staged() as staging:
        run.steps.meter.write_trace(staging / TRACE, earlier=attempt.earlier_trace)
        if not isinstance(workbench.model, OnnxNetwork):
            save_weights(workbench.model, staging / WEIGHTS)
        record = Record(
            recipe=run.recipe,
            recipe_sha256=run.recipe.sha256,
            track_protocol_version=workbench.track.protocol_version,
            mode=run.options.mode,
            data=workbench.data,
            data_notes=workbench.track.data_notes,
            hardware=record_parts.with_torch_settings(hardware, run.allocator),
            software=record_parts.software_versions(),
            started_at=run.started_at,
            ended_at=datetime.now(UTC),
            quality=quality,
            model=_facts(workbench, staging / WEIGHTS),
            idle_power_w=run.steps.meter.idle_power_w,
            phases=tuple(record_parts.checked_against_power_limit(phase, hardware) for phase in phases),
            trace_sha256=sha256_of(staging / TRACE),
            lost=attempt.earlier.lost,
        )
        write_record(record, staging / RECORD)
    return record


@dataclass(slots=True)
class _Run:
    """What the steps of one run share."""

    recipe: Recipe
    workbench: Workbench
    steps: Steps
    synchronize: Callable[[], None]
    options: RunOptions
    started_at: datetime
    allocator: str
    probes: tuple[BatchProbe, ...] = ()
    """By which the batch was chosen: once for all scenarios, so that they have the same."""

    @property
    def sampling(self) -> SamplingPlan | None:
        """How phases are sampled; None if they are run in full."""
        return self.options.sampling_plan

    @property
    def left_out(self) -> bool:
        """Whether a phase so far was only sampled."""
        return self.steps.left_out != NOTHING


def _one_time_phases(run: _Run, attempt: Attempt) -> list[PhaseRecord]:
    """The phases that an earlier attempt has finished, then the others; each is kept as soon as it is finished."""
    phases: list[PhaseRecord] = []
    if (journal := attempt.earlier.journal) is None:
        run.steps.meter.measure_idle()
    else:
        phases += journal.phases
        run.steps.left_out = journal.left_out
        run.steps.meter.idle_power_w.update(journal.idle_power_w)
        run.workbench.take(
            PhaseOutcome(
                attempt.checkpoint.network(journal).to(run.workbench.device),
                architecture=journal.architecture,
                resolution=journal.resolution,
            )
        )
        for phase in phases:
            run.steps.pass_over(phase)
    for position in range(len(phases), len(run.recipe.phases)):
        phases.append(_one_time(run, position))
        attempt.keep(phases, run.workbench)
    return phases


def _one_time(run: _Run, position: int) -> PhaseRecord:
    spec = run.recipe.phases[position]
    if isinstance(spec, DeclaredEnergy):
        return record_parts.declared(position, spec, _unmetered(run, position))
    give_back_freed_memory()
    step = run.steps.begin(Phase(spec.phase))
    # A sample ends long before its schedule, and when a training will stop early is not known beforehand.
    step.length_is_known = run.sampling is None and not any(early_stoppings(spec))
    seed_all(run.recipe.seed + position)
    with (
        explained(f"in phase {spec.phase}", f"phases.{position}"),
        step.metered(f"{position}-{spec.phase}", reads=run.workbench.train) as window,
    ):
        pace = SampledPace(window, run.sampling, check_budget=step.leave_out) if run.sampling else FullPace()
        outcome = TECHNIQUES[spec.technique].run(run.workbench.context(position, step.advance, pace))
    run.workbench.take(outcome)
    if isinstance(pace, FullPace) or not pace.left_out:
        return record_parts.metered(position, Phase(spec.phase), spec.technique, window.measurement, outcome.detail)
    idle_power_w = run.steps.meter.idle_power_w
    return record_parts.sampled(
        position,
        spec,
        window.measurement,
        stages=pace.stages,
        idle_power_w=idle_power_w,
        detail=outcome.detail,
    )


def _unmetered(run: _Run, position: int) -> dict[str, Any]:
    """Run a phase whose energy is the submitter's figure, if it has work to do; returns details for the record."""
    technique = TECHNIQUES.get(run.recipe.phases[position].technique)
    if technique is None:
        return {}
    with explained("while weights were loaded", f"phases.{position}"):
        outcome = technique.run(run.workbench.context(position))
    run.workbench.take(outcome)
    return outcome.detail


def _take_finished(run: _Run) -> str | None:
    """Give a network that had only a sample of its training the submitter's finished weights, if the recipe names
    any. Their SHA-256 if so."""
    reported = run.recipe.reported
    if reported is None or not run.left_out or run.workbench.data != "track":
        return None
    return reported.weights_sha256 if take_finished_weights(run.recipe, run.workbench.model) else None


@contextmanager
def _deployed(run: _Run, position: int) -> Iterator[Deployment]:
    """The finished network as the recipe says that it is run. Making it is metered, and charged to nothing."""
    bench = run.workbench
    images = bench.test.first(2)[0]
    with ExitStack() as held:
        if not run.recipe.inference.options:
            yield held.enter_context(deployed(run.recipe, bench.track, bench.model, images))
            return
        give_back_freed_memory()
        name = f"{position}-preparation"
        with explained("while the network was made ready", "model"), run.steps.meter.window(name) as window:
            deployment = held.enter_context(deployed(run.recipe, bench.track, bench.model, images))
        run.steps.close(window)
        deployment.detail.update(record_parts.preparation(window.measurement))
        yield deployment


def _quality(
    run: _Run, position: int, deployment: Deployment, finished_sha256: str | None
) -> tuple[Quality, list[PhaseRecord]]:
    """Evaluated on the test images; for a network that had only a sample of its training, the submitter's figure.

    If the recipe names the submitter's finished weights, these are evaluated instead.
    """
    metric = run.workbench.track.metric
    model = deployment.evaluated()
    reported = run.recipe.reported
    on_noise = run.workbench.data != "track"
    if reported is not None and (run.left_out or on_noise) and not finished_sha256:
        if not on_noise:
            run.steps.leave_out()
        quality = Quality(metric=metric, value=reported.quality, provenance="reported", evidence=reported.evidence)
        return quality, []
    give_back_freed_memory()
    step = run.steps.begin(Phase.EVALUATE)
    test = run.workbench.test
    counting = CountingExits(deployment.network) if isinstance(deployment.network, EarlyExitNetwork) else None
    with explained("in the evaluation", "model"), step.metered(f"{position}-evaluate", reads=test) as window:
        value = evaluate(run.workbench.track, counting or model, test, step.advance)
        if isinstance(run.recipe.model, OnnxModel):
            refuse_guessing(value, run.workbench.track, len(test))
        hidden = _hidden_quality(
            run.workbench, model, lambda fraction, detail="": step.advance(1.0, f"again, {detail}")
        )
    quality = Quality(
        metric=metric,
        value=value,
        provenance="evaluated",
        images=len(test),
        finished_weights_sha256=finished_sha256,
        hidden=hidden,
    )
    detail = {"exit_shares": counting.shares()} if counting else {}
    evaluation = record_parts.metered(position, Phase.EVALUATE, "evaluate", window.measurement, detail)
    return quality, [record_parts.checked_on_hidden_split(evaluation, quality, run.workbench.track)]


def _hidden_quality(workbench: Workbench, model: nn.Module, advance: Advance) -> HiddenQuality | None:
    """On the track's second test split, None if it has none. Metered with the evaluation, which is never charged."""
    track = workbench.track
    if track.hidden is None:
        return None
    split = track.hidden.load(workbench.test.resolution, seed_of_draw(track.slug)).to(workbench.device)
    return HiddenQuality(value=evaluate(track, model, split, advance), images=len(split))


def _inference(
    run: _Run, position: int, scenario: Scenario, plan: InferencePlan, deployment: Deployment
) -> PhaseRecord:
    workbench = run.workbench
    give_back_freed_memory()
    step = run.steps.begin(Phase.INFERENCE, scenario)
    step.length_is_known = False
    resident = resident_images(workbench.track.channels, workbench.test.resolution)
    with torch.inference_mode():
        images = deployment.resident(across(workbench.test, resident))
    inputs = Inputs(images, whole_passes=is_dynamic(workbench.model))
    most = workbench.recipe.inference.max_batch_size
    synchronize = run.synchronize
    with explained(f"in {step_name(Phase.INFERENCE, scenario)}", "inference.max_batch_size"):
        prepared = prepare(
            scenario,
            deployment.network,
            inputs,
            plan,
            max_batch_size=most if deployment.most is None else min(most, deployment.most),
            synchronize=synchronize,
            probed=deployment.probed,
            probes=run.probes,
        )
        run.probes = prepared.probes or run.probes
        # Blocks must not start at the same moments as in an earlier run: from the system's randomness, not the seed.
        jitter = random.SystemRandom()
        measured: Callable[..., InferenceFigures] = partial(measure, prepared, deployment.network)
        if scenario == Scenario.END_TO_END:
            load = spread(workbench.test, resident).loaded
            measured = partial(measure_with_loader, prepared, deployment, load)
        repeats = 0 if run.options.accept_busy else plan.repeats
        name = f"{position}-inference-{scenario}"
        for repeat in range(repeats + 1):
            with step.window(name) as window:
                figures = measured(window, plan, synchronize=synchronize, advance=step.advance, jitter=jitter)
            if repeat == repeats or not window.measurement.flags & {*DISTURBED_FLAGS, Flag.FOREIGN_PROCESS}:
                break
            run.steps.meter.discard(name)
        step.end(window)
    return record_parts.inference(
        position,
        scenario,
        window.measurement,
        figures,
        plan.target_half_width,
        repeats=repeat,
        detail=deployment.detail,
    )


def _facts(workbench: Workbench, weights: Path) -> ModelFacts:
    recipe = workbench.recipe
    if isinstance(recipe.model, OnnxModel):
        return ModelFacts(
            architecture=recipe.model.architecture,
            resolution=recipe.model.resolution,
            parameters=max(1, count_parameters(workbench.model)),
            weights_sha256=recipe.model.sha256,
        )
    images = across(workbench.test, 64 if is_dynamic(workbench.model) else 1)
    return ModelFacts(
        architecture=workbench.architecture,
        resolution=workbench.test.resolution,
        parameters=count_parameters(workbench.model),
        macs=count_macs(workbench.model, images),
        weights_sha256=sha256_of(weights),
    )


def _step_names(recipe: Recipe, data: Data) -> tuple[str, ...]:
    """Noise is never evaluated; on a track's images, whether a sample is depends on whether it leaves steps out."""
    return (
        *(spec.phase for spec in recipe.phases if not isinstance(spec, DeclaredEnergy)),
        *([str(Phase.EVALUATE)] if data == "track" else []),
        *(step_name(Phase.INFERENCE, scenario) for scenario in recipe.inference.scenarios),
    )
