"""A reader's query of a board, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from leaderboard.domain import ranking
from leaderboard.domain.constraints import BY_PARAMETER, CONSTRAINTS, Constraint

ORDERINGS = {"energy": "full-cycle energy", "greenness": "greenness"}
# What the second ordering was before it had a weight: greenness with τ = 1.
ENERGY_PER_CORRECT = "energy_per_correct"


@dataclass(frozen=True, slots=True)
class LeaderboardQuery:
    """A reader's query. Empty track, hardware, scenario or scope: the site chooses a board.

    usage_intensity: images over the model's life; shared_by: deployments that share search and pre-training;
    min_quality: 0..1, 0 for no floor, None for `default_floor`, which is the board's track's (None before there is a
    board); families, provenance, quality_by (who evaluated the quality), precision, runtime and compiled (how the
    network is run, `domain.running`): empty for all; accuracy_weight: the τ of
    greenness; source: `verified` (by our workers), `published` (by others), empty for both. The limits of
    `domain.constraints` follow, None for no limit.
    """

    track: str = ""
    hardware: str = ""
    scenario: str = ""
    scope: str = ""
    usage_intensity: float = 1e6
    shared_by: float = 1.0
    min_quality: float | None = None
    families: tuple[str, ...] = ()
    provenance: tuple[str, ...] = ()
    quality_by: tuple[str, ...] = ()
    precision: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()
    compiled: tuple[str, ...] = ()
    search: str = ""
    order_by: str = "energy"
    accuracy_weight: float = 1.0
    include_incomplete: bool = False
    source: str = ""
    max_latency_p50_ms: float | None = None
    max_parameters: float | None = None
    max_macs: float | None = None
    max_peak_memory_bytes: float | None = None
    min_batch_size: float | None = None
    max_batch_size: float | None = None
    default_floor: float | None = None

    def parameters(self) -> dict[str, Any]:
        """The query as address parameters, without those at their default."""
        changed = changed_fields(self, LeaderboardQuery(default_floor=self.default_floor))
        if "families" in changed:
            changed["family"] = list(changed.pop("families"))
        for name in ("usage_intensity", "shared_by", "accuracy_weight", *BY_PARAMETER):
            if name in changed:
                changed[name] = f"{changed[name]:.15g}"
        if "include_incomplete" in changed:
            changed["include_incomplete"] = "on"
        return changed

    @property
    def floor(self) -> float | None:
        """The quality floor in force: the reader's, or the track's."""
        return self.default_floor if self.min_quality is None else self.min_quality

    def at_floor_of(self, track_floor: float) -> LeaderboardQuery:
        """The same query on a board whose track has this floor; the reader's own floor if it is another."""
        asked = None if self.min_quality == track_floor else self.min_quality
        return replace(self, min_quality=asked, default_floor=track_floor)

    @property
    def limits(self) -> list[tuple[Constraint, float]]:
        """The limits in force."""
        found = ((constraint, getattr(self, constraint.parameter)) for constraint in CONSTRAINTS)
        return [(constraint, limit) for constraint, limit in found if limit is not None]

    @property
    def weight_in_order(self) -> float:
        """The τ that is ranked with: 0 if the order is that of energy."""
        return ranking.weight_in_order(self.order_by, self.accuracy_weight)

    def on(self, **changes: Any) -> LeaderboardQuery:
        """The same query with some parts replaced."""
        return replace(self, **changes)


def changed_fields(given: Any, default: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from those of another of its kind, uncopied; pages ask often."""
    values = {one.name: getattr(given, one.name) for one in fields(given)}
    return {name: value for name, value in values.items() if value != getattr(default, name)}
