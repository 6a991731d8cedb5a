"""What an attempt at a run has spent, whatever of it is charged to the model: out of its record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leaderboard.domain.energy import Provenance, weakest

SCOPE = "accelerator"


@dataclass(frozen=True, slots=True)
class Spent:
    """Joules of the accelerator scope and seconds. `energy_j` is None if nothing is known of it."""

    energy_j: float | None
    time_s: float
    provenance: Provenance


def spent_in(record: Mapping[str, Any], counted_before_j: float = 0.0) -> Spent:
    """The phases that the worker ran, and the work of lost attempts that this one resumed.

    The joules of a sampled phase are those of the whole: the share that was run is taken by its seconds, and stays
    `extrapolated`. A phase without a figure adds nothing, so that the sum is then a lower bound.
    counted_before_j: what the resumed attempts were already known to have spent.
    """
    parts = [_run_part(phase) for phase in record["phases"] if phase.get("started_s") is not None]
    parts += [(_energy(lost), lost["time_s"]) for lost in record.get("lost", ())]
    known = [energy for energy, _ in parts if energy is not None]
    if not known:
        return Spent(None, math.fsum(time_s for _, time_s in parts), Provenance.MISSING)
    energy_j = math.fsum(energy_j for energy_j, _ in known)
    return Spent(
        max(0.0, energy_j - counted_before_j),
        math.fsum(time_s for _, time_s in parts),
        weakest(provenance for _, provenance in known),
    )


def _run_part(phase: Mapping[str, Any]) -> tuple[tuple[float, Provenance] | None, float]:
    time_s = float(phase.get("duration_s") or 0.0)
    left_out_s = float(((phase.get("detail") or {}).get("sampled") or {}).get("left_out_s") or 0.0)
    energy = _energy(phase)
    if energy is not None and left_out_s > 0 and time_s + left_out_s > 0:
        energy = (energy[0] * time_s / (time_s + left_out_s), energy[1])
    return energy, time_s


def _energy(part: Mapping[str, Any]) -> tuple[float, Provenance] | None:
    found = next(energy for energy in part["energies"] if energy["scope"] == SCOPE)
    return None if found["energy_j"] is None else (found["energy_j"], Provenance(found["provenance"]))
