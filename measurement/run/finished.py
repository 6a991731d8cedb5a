"""The finished network: made ready, evaluated, and run in each scenario."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import nn

from measurement.networks.early_exit import CountingExits, EarlyExitNetwork, is_dynamic
from measurement.networks.weights import take_finished_weights
from measurement.progress import Advance
from measurement.recipe import OnnxModel
from measurement.record import HiddenQuality, InferenceFigures, PhaseRecord, Quality
from measurement.run import record_parts
from measurement.run.deployment import Deployment, deployed
from measurement.run.end_to_end import measure_with_loader
from measurement.run.inference import InferencePlan, Inputs, across, measure, prepare, resident_images, spread
from measurement.run.memory import give_back_freed_memory
from measurement.run.running import Running
from measurement.run.steps import step_name
from measurement.run.workbench import Workbench, explained
from measurement.tracks.evaluation import evaluate, refuse_guessing
from measurement.tracks.hidden import seed_of_draw
from measurement.vocabulary import DISTURBED_FLAGS, Flag, Phase, Scenario


def evaluated_and_run(run: Running, position: int) -> tuple[Quality, list[PhaseRecord]]:
    """The evaluation, then inference in each scenario; phases are numbered from `position` on."""
    phases: list[PhaseRecord] = []
    plan = run.options.plan or InferencePlan.for_device(run.workbench.device)
    finished_sha256 = _take_finished(run)
    with _deployed(run, position) as deployment:
        quality, evaluation = _quality(run, position, deployment, finished_sha256)
        phases += evaluation
        for scenario in run.recipe.inference.scenarios:
            phases.append(_inference(run, position + len(phases), Scenario(scenario), plan, deployment))
    return quality, phases


def _take_finished(run: Running) -> str | None:
    """Give a network that had only a sample of its training the submitter's finished weights, if the recipe names
    any. Their SHA-256 if so."""
    reported = run.recipe.reported
    if reported is None or not run.left_out or run.workbench.data != "track":
        return None
    return reported.weights_sha256 if take_finished_weights(run.recipe, run.workbench.model) else None


@contextmanager
def _deployed(run: Running, position: int) -> Iterator[Deployment]:
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
    run: Running, position: int, deployment: Deployment, finished_sha256: str | None
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
    run: Running, position: int, scenario: Scenario, plan: InferencePlan, deployment: Deployment
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
