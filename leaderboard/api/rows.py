"""A board's entries as plain values: one source for JSON, CSV and Parquet."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from leaderboard import queries
from leaderboard.domain import ranking
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.running import RUN_AS
from leaderboard.models import Board, Entry
from leaderboard.presentation.rows import below_floor, entry_quality_by

# Fields of the stored entry that a row, an entry and the snapshot show unchanged.
FIGURES = (
    "source",
    "quality",
    "quality_provenance",
    "submitters_weights",
    "busy_machine",
    "hidden_quality",
    "results",
    "mode",
    "data",
    "shared_energy_j",
    "own_energy_j",
    "inference_energy_j",
    "shared_u95_j",
    "own_u95_j",
    "inference_u95_j",
    "metered_shared_j",
    "metered_own_j",
    "inference_provenance",
    "provenance",
    "complete",
    "phases",
    "parameters",
    "macs",
    "latency_p50_ms",
    "throughput_images_per_s",
    "batch_size",
    "peak_memory_bytes",
    "published_at",
)

_ROW_FIGURES: dict[str, Callable[[Entry], Any]] = {
    name: attrgetter(name)
    for name in (
        "submitters_weights",
        "busy_machine",
        "hidden_quality",
        "results",
        "also_claimed_as",
        "mode",
        "data",
        *RUN_AS,
        "run_mark",
        "complete",
        "inference_provenance",
        "parameters",
        "macs",
        "latency_p50_ms",
        "throughput_images_per_s",
        "batch_size",
        "peak_memory_bytes",
        "published_at",
        "phases",
    )
}


def row(ranked: queries.RankedEntry, query: LeaderboardQuery) -> dict[str, Any]:
    """One line of the leaderboard. Joules; `inference_energy_j` per image."""
    entry, place = ranked.entry, ranked.place
    names, figures = _of_entry(entry)
    return {
        "rank": place.rank,
        "rank_best": place.rank_best,
        "rank_worst": place.rank_worst,
        **names,
        "one_time_energy_j": ranked.one_time_energy_j,
        "inference_energy_j": entry.inference_energy_j,
        "full_cycle_energy_j": place.energy_j,
        "full_cycle_energy_u95_j": place.u95_j,
        "energy_per_correct_j": ranking.energy_per_correct_j(place.energy_j, query.usage_intensity, entry.quality),
        "greenness_per_mj": _per_megajoule(ranked.greenness),
        "greenness_relative": ranked.greenness_percent,
        "provenance": entry.provenance,
        "metered_share": ranked.metered_share,
        "pareto": place.pareto,
        **figures,
    }


def _of_entry(entry: Entry) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a line says whatever the question: names, and stored figures. Made once for an object."""
    kept: dict[str, Any] = vars(entry)
    if "_of_lines" not in kept:
        kept["_of_lines"] = _names(entry), {name: value(entry) for name, value in _ROW_FIGURES.items()}
    found: tuple[dict[str, Any], dict[str, Any]] = kept["_of_lines"]
    return found


def _names(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.pk,
        "method": entry.method.title,
        "family": entry.method.family,
        "recipe": entry.recipe.sha256 if entry.recipe else None,
        "source": entry.source,
        "model": entry.published.model if entry.published else None,
        "track": entry.board.track,
        "hardware": entry.board.hardware.slug,
        "scenario": entry.board.scenario,
        "scope": entry.board.scope,
        "quality": entry.quality,
        "quality_metric": entry.quality_metric,
        "quality_provenance": entry.quality_provenance,
        "quality_by": entry_quality_by(entry),
        "below_floor": below_floor(entry),
    }


def _per_megajoule(greenness: float | None) -> float | None:
    """Greenness given per joule, in 1/MJ."""
    return None if greenness is None else greenness * 1e6


def group(board: Board | None, query: LeaderboardQuery) -> dict[str, Any]:
    """The comparability group that answers; the requested one if it has no board."""
    return {
        "track": board.track if board else query.track or None,
        "hardware": board.hardware.slug if board else query.hardware or None,
        "scenario": board.scenario if board else query.scenario or None,
        "scope": board.scope if board else query.scope or None,
    }
