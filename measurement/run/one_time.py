"""The phases before inference: trained, compressed or declared, each inside a meter window."""

from __future__ import annotations

from typing import Any

from measurement.methods import TECHNIQUES, PhaseOutcome
from measurement.progress import FullPace
from measurement.recipe.parts import DeclaredEnergy
from measurement.recipe.training import early_stoppings
from measurement.record import PhaseRecord
from measurement.run import record_parts
from measurement.run.checkpoint import Attempt
from measurement.run.memory import give_back_freed_memory
from measurement.run.running import Running
from measurement.run.sampling import SampledPace
from measurement.run.workbench import explained, seed_all
from measurement.vocabulary import Phase


def one_time_phases(run: Running, attempt: Attempt) -> list[PhaseRecord]:
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


def _one_time(run: Running, position: int) -> PhaseRecord:
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


def _unmetered(run: Running, position: int) -> dict[str, Any]:
    """Run a phase whose energy is the submitter's figure, if it has work to do; returns details for the record."""
    technique = TECHNIQUES.get(run.recipe.phases[position].technique)
    if technique is None:
        return {}
    with explained("while weights were loaded", f"phases.{position}"):
        outcome = technique.run(run.workbench.context(position))
    run.workbench.take(outcome)
    return outcome.detail
