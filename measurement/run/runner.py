"""Runs a recipe: its phases in order, each inside a meter window, then evaluation and inference.

Importing it needs torch; the command line does so only for `run`.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from measurement.dataroot import sha256_of
from measurement.errors import BadInput
from measurement.events import Finished, Started
from measurement.meters import EnergyMeter
from measurement.meters.discovery import describe_hardware, missing_meter
from measurement.networks.build import count_macs, count_parameters
from measurement.networks.early_exit import is_dynamic
from measurement.networks.onnx_network import OnnxNetwork
from measurement.networks.weights import save_weights
from measurement.recipe import OnnxModel, Recipe
from measurement.recipe.parts import DeclaredEnergy
from measurement.recipe.training import asks_for_determinism
from measurement.record import (
    Hardware,
    ModelFacts,
    PhaseRecord,
    Quality,
    Record,
    write_record,
)
from measurement.run import record_parts
from measurement.run.budget import Limits
from measurement.run.checkpoint import Attempt, Checkpoint, Earlier, Origin
from measurement.run.device import choose_device, leave_a_core, make_current, synchronizer_of
from measurement.run.finished import evaluated_and_run
from measurement.run.inference import across
from measurement.run.memory import freed_memory_kept
from measurement.run.one_time import one_time_phases
from measurement.run.options import RunOptions
from measurement.run.output import RECORD, TRACE, WEIGHTS, OutputFolder
from measurement.run.running import Running
from measurement.run.steps import Steps, step_name
from measurement.run.workbench import Data, Workbench, set_up
from measurement.training.numerics import reproducible_cublas, tensor_float32
from measurement.vocabulary import Phase, Scope


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
        run = Running(recipe, workbench, steps, synchronize, options, started_at, allocator)
        quality, phases = _measured(run, attempt)
        record = _written(run, attempt, folder, hardware, quality, phases)
        checkpoint.clear()
    options.reporter(Finished())
    return record


def _measured(run: Running, attempt: Attempt) -> tuple[Quality, list[PhaseRecord]]:
    """Every phase in order, then the evaluation and inference in each scenario."""
    phases = one_time_phases(run, attempt)
    quality, more = evaluated_and_run(run, len(phases))
    return quality, phases + more


def _written(  # noqa: PLR0917 - the parts of a record
    run: Running,
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
