"""Limits in words, and what they leave. `static/leaderboard/constraints.js` says the same."""

from __future__ import annotations

from typing import Any

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.constraints import CONSTRAINTS, Constraint, allowed_amount
from leaderboard.presentation.format import SPACE, count, floor_percent, milliseconds, si
from leaderboard.queries import Effect, RankedBoard, effects

LABELS = {
    "max_latency_p50_ms": ("Latency", "ms per batch, median"),
    "max_parameters": ("Parameters", ""),
    "max_macs": ("MACs", "for one image"),
    "max_peak_memory_bytes": ("Memory", "bytes, peak of inference"),
    "min_batch_size": ("Batch, at least", "images"),
    "max_batch_size": ("Batch, at most", "images"),
}


def constraints(ranked: RankedBoard) -> dict[str, Any]:
    """The limits as the page has them: a field each, which are in force in words, and what each leaves."""
    query, found = ranked.query, effects(ranked)
    return {
        "fields": [
            {
                "constraint": constraint,
                "label": LABELS[constraint.parameter][0],
                "hint": LABELS[constraint.parameter][1],
                "typed": "" if limit is None else f"{limit:.15g}",
                "allowed": allowed_amount(constraint),
                "effect": _effect(constraint, found.get(constraint.parameter)),
            }
            for constraint in CONSTRAINTS
            for limit in [getattr(query, constraint.parameter)]
        ],
        "in_force": in_force(query),
        "quality": _quality(ranked),
    }


def in_force(query: LeaderboardQuery) -> str:
    """The limits in force in words: "latency ≤ 10.0 ms, memory ≤ 512 MB"; empty if there is none."""
    return ", ".join(
        f"{constraint.noun} {constraint.sign}{SPACE}{_amount(constraint, limit)}"
        for constraint, limit in query.limits
    )


def _amount(constraint: Constraint, limit: float) -> str:
    if constraint.figure == "batch_size":
        return count(limit)
    return milliseconds(limit) if constraint.amount == "time" else si(limit, constraint.unit)


def _effect(constraint: Constraint, effect: Effect | None) -> str:
    """What a limit leaves: "leaves 212 of 412; of 40 the memory is not known"; empty if it is not in force."""
    if effect is None:
        return ""
    known = f"; of {effect.unknown:,} the {constraint.noun} is not known" if effect.unknown else ""
    return f"leaves {effect.leaves:,} of {effect.of:,}{known}"


def _quality(ranked: RankedBoard) -> str:
    """What the quality floor leaves."""
    whole = len(ranked.rows) + ranked.below_floor
    floor = f"at least {floor_percent(ranked.query.floor)}" if ranked.query.floor else "no floor"
    return f"{floor}, leaves {len(ranked.rows):,} of {whole:,}"
