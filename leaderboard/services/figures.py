"""What the records of a work's results say of its entries. Plain values; no database."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from leaderboard.domain.counting import is_limited
from leaderboard.domain.devices import GAIN_U95, identity, of_mean
from leaderboard.domain.energy import SHARED_PHASES, LifeCycle, PhaseEnergy, Provenance
from leaderboard.services.means import Figures, mean_figures
from measurement.record import Energy, PhaseRecord, Record
from measurement.vocabulary import BUSY_FLAGS, Flag, Phase, Scope

CHARGED_ONCE = frozenset(Phase) - {Phase.INFERENCE, Phase.EVALUATE}
Group = tuple[str, str, str]
"""Track, scenario and scope of a board."""


class Run(Protocol):
    """A stored run as far as this needs it."""

    pk: int
    recipe_id: int
    recipe: Any


R = TypeVar("R", bound=Run)


def figures_of_entries(results: Sequence[tuple[R, Record]]) -> dict[Group, Figures]:
    """The figures of a work's entries on one hardware by board: the mean over its results there, the newest first.

    Results of an older protocol of the track don't count with those of a newer one. `repeats` names the runs.
    """
    newest = max((record.track_protocol_version for _, record in results), default=0)
    measured: dict[Group, list[tuple[R, Figures]]] = {}
    for run, record in results:
        if record.track_protocol_version != newest:
            continue
        for phase in record.phases:
            for scope in Scope:
                if phase.phase == Phase.INFERENCE and phase.energy(scope).energy_per_image_j is not None:
                    group = (record.recipe.track_key, str(phase.scenario), str(scope))
                    measured.setdefault(group, []).append((run, _figures(record, phase, scope)))
    return {group: _mean(_not_limited(found)) for group, found in measured.items()}


def _mean(found: list[tuple[R, Figures]]) -> Figures:
    newest = found[0][0]
    figures = mean_figures([figures for _, figures in found])
    repeats = figures["repeats"] | {"runs": [run.pk for run, _ in found]}
    device, gain_u95 = of_mean([(figures["device"], figures["gain_u95"]) for _, figures in found])
    limits_w = sorted({limit_w for _, figures in found for limit_w in figures["power_limits_w"]})
    own = {"repeats": repeats, "device": device, "gain_u95": gain_u95, "power_limits_w": limits_w}
    return {"recipe_id": newest.recipe_id, "run_id": newest.pk, **figures, **own}


def _not_limited(found: list[tuple[R, Figures]]) -> list[tuple[R, Figures]]:
    """The results that were allowed the largest batch that any was best with."""
    best = max(figures["batch_size"] for _, figures in found)
    return [(run, figures) for run, figures in found if not is_limited(run.recipe.document, best)] or found


def life_cycle(record: Record, inference: PhaseRecord, scope: Scope) -> LifeCycle:
    """What is charged in one scenario and scope. Phases of one name are added up; evaluation is never charged."""
    return LifeCycle(
        one_time=tuple(_charge(phase, phase.energy(scope)) for phase in record.phases if phase.phase in CHARGED_ONCE),
        inference=_charge(inference, inference.energy(scope), per_image=True),
    )


def _charge(phase: PhaseRecord, energy: Energy, *, per_image: bool = False) -> PhaseEnergy:
    return PhaseEnergy(
        phase=str(phase.phase),
        energy_j=energy.energy_per_image_j if per_image else energy.energy_j,
        repeatability_u95_j=energy.energy_per_image_u95_j if per_image else energy.repeatability_u95_j,
        provenance=Provenance(str(energy.provenance)),
    )


def _metered_j(parts: list[PhaseEnergy]) -> float:
    return math.fsum(part.energy_j or 0.0 for part in parts if part.provenance == Provenance.METERED)


def _charged_flags(record: Record, inference: PhaseRecord) -> set[Flag]:
    """The flags of the phases that an entry's joules are made of."""
    charged = [phase for phase in record.phases if phase.phase in CHARGED_ONCE]
    return {flag for phase in [*charged, inference] for flag in phase.flags}


def _figures(record: Record, inference: PhaseRecord, scope: Scope) -> Figures:
    cycle = life_cycle(record, inference, scope)
    window = inference.inference
    shared = [part for part in cycle.one_time if part.phase in SHARED_PHASES]
    own = [part for part in cycle.one_time if part.phase not in SHARED_PHASES]
    assert window is not None, "an inference phase has its figures"  # noqa: S101 - the record's schema says so
    return {
        "shared_energy_j": cycle.shared_energy_j,
        "own_energy_j": cycle.own_energy_j,
        "inference_energy_j": cycle.inference_energy_j,
        "shared_u95_j": cycle.shared_u95_j,
        "own_u95_j": cycle.own_u95_j,
        "inference_u95_j": cycle.inference_u95_j,
        "metered_shared_j": _metered_j(shared),
        "metered_own_j": _metered_j(own),
        "inference_provenance": str(cycle.inference.provenance),
        "provenance": str(cycle.provenance),
        "complete": not cycle.is_lower_bound,
        "quality": record.quality.value,
        "quality_metric": record.quality.metric,
        "quality_provenance": record.quality.provenance,
        "hidden_quality": record.quality.hidden.value if record.quality.hidden else None,
        "submitters_weights": bool(record.brought_weights),
        "busy_machine": not BUSY_FLAGS.isdisjoint(_charged_flags(record, inference)),
        "mode": str(record.mode),
        "data": record.data,
        "phases": [
            {
                "phase": phase.phase,
                "energy_j": phase.energy_j,
                "u95_j": phase.repeatability_u95_j,
                "provenance": str(phase.provenance),
            }
            for phase in cycle.one_time
        ],
        "parameters": record.model.parameters,
        "macs": record.model.macs,
        "latency_p50_ms": window.latency_p50_ms,
        "throughput_images_per_s": window.throughput_images_per_s,
        "batch_size": window.batch_size,
        "device": identity(record.hardware.uuid),
        "gain_u95": _gain_u95(inference.energy(scope)),
        "power_limits_w": [] if record.hardware.power_limit_w is None else [record.hardware.power_limit_w],
        "peak_memory_bytes": window.peak_memory_bytes,
    }


def _gain_u95(energy: Energy) -> float:
    """The relative gain error that the meter counted with: that of its calibration, or of any device without one."""
    joules, absolute_j = energy.energy_per_image_j, energy.energy_per_image_absolute_u95_j
    if not joules or absolute_j is None:
        return GAIN_U95
    return round(max(0.0, absolute_j - (energy.energy_per_image_u95_j or 0.0)) / joules, 6)
