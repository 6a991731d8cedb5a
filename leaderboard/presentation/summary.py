"""A board's result in words: the best entry, and from which usage on another wins. `summary.js` does the same."""

from __future__ import annotations

from typing import Any

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.ranking import energy_per_correct_j
from leaderboard.models import Entry
from leaderboard.presentation.format import count, images, joules, percent, share, watt_hours
from leaderboard.presentation.rows import QUALITY_NOTES, one_time, quality_label, quality_note, trusted, use
from leaderboard.queries import RankedBoard, RankedEntry


def summary(ranked: RankedBoard) -> list[dict[str, Any]]:
    """The result in words, in pieces: {"text"}, with {"strong"} or {"url"} if it is one."""
    query, board = ranked.query, ranked.board
    if board is None:
        return []
    if not ranked.rows:
        return [{"text": _nothing(ranked)}]
    first = ranked.rows[0]
    pieces: list[dict[str, Any]] = [
        {"text": "For "},
        {"text": images(query.usage_intensity), "strong": True},
        {"text": f"{floor(query, first.entry)} on {board.hardware.name}, "},
    ]
    if first.place.rank is None:
        return [*pieces, {"text": f"no entry is ranked: {_why_none_is_ranked(ranked)}."}]
    bound = "" if first.entry.complete else "at least "
    ahead = first.one_time_energy_j / first.place.energy_j if first.place.energy_j > 0 else 0.0
    pieces.append({"text": first.entry.recipe.method.title, "url": first.entry.get_absolute_url() + use(query)})
    pieces.append({"text": f" uses the least energy{among(query)}"})
    if query.order_by == "greenness":
        per_correct_j = energy_per_correct_j(first.place.energy_j, query.usage_intensity, first.entry.quality)
        pieces.append({"text": f" per correct prediction, {joules(per_correct_j)}"})
    pieces.append({"text": f": {bound}"})
    pieces.append({"text": joules(first.place.energy_j), "strong": True})
    details = watt_hours(first.place.energy_j) + trusted(first.entry)
    pieces.append({"text": f" ({details}) over its life, {share(ahead)} of it one-time"})
    counts = query.min_quality is not None or query.order_by == "greenness"
    if counts and (note := quality_note(first.entry)):
        pieces.append({"text": f", its quality {QUALITY_NOTES[note]}"})
    others = (first.place.rank_worst or 1) - 1
    if others:
        pieces.append({"text": f", but {others} {'other is' if others == 1 else 'others are'} within uncertainty"})
    return [*pieces, *_what_follows(ranked, first)]


def _why_none_is_ranked(ranked: RankedBoard) -> str:
    incomplete, without_value = (len(group) for group in ranked.placing.group[1:]) if ranked.placing else (0, 0)
    if not without_value:
        return "every entry has a missing phase, so its total is a lower bound"
    if not incomplete:
        return "no entry has a correct prediction"
    return "every entry has a missing phase or no correct prediction"


def _nothing(ranked: RankedBoard) -> str:
    if ranked.below_floor and ranked.query.min_quality is not None:
        number = ranked.below_floor
        which = "The only matching entry is" if number == 1 else f"All {number} matching entries are"
        return f"{which} below the quality floor of {percent(ranked.query.min_quality)}."
    return "No entry matches these filters."


def among(query: LeaderboardQuery) -> str:
    """Says that a winner is the best of the filtered entries; empty if there are no filters."""
    return " of the filtered entries" if query.families or query.provenance or query.search else ""


def floor(query: LeaderboardQuery, entry: Entry) -> str:
    """The quality floor as a phrase, empty if there is none. entry: any of the board."""
    if query.min_quality is None:
        return ""
    return f" at ≥\u00a0{percent(query.min_quality)} {quality_label(entry.quality_metric)}"


def _what_follows(ranked: RankedBoard, first: RankedEntry) -> list[dict[str, Any]]:
    """Which entry overtakes the winner at higher usage; nothing if the winner is not on the envelope."""
    starts = [champion.from_usage_intensity for champion in ranked.champions]
    here = sum(start <= ranked.query.usage_intensity for start in starts) - 1
    if here < 0 or ranked.champions[here].key != first.entry.pk or ranked.query.order_by != "energy":
        return [{"text": "."}]
    if here + 1 == len(starts):
        return [{"text": "; no entry overtakes it at higher usage." if len(ranked.rows) > 1 else "."}]
    following = ranked.champion_rows[int(ranked.champions[here + 1].key)].entry
    return [
        {"text": f"; from {count(starts[here + 1])} on, "},
        {"text": following.recipe.method.title, "url": following.get_absolute_url() + use(ranked.query)},
        {"text": " wins."},
    ]


def crossings(ranked: RankedBoard) -> list[dict[str, Any]]:
    """The champion of each usage interval, and which interval is the reader's."""
    usage_intensity = ranked.query.usage_intensity
    lines = []
    for champion in ranked.champions:
        entry = ranked.champion_rows[int(champion.key)].entry
        start, end = champion.from_usage_intensity, champion.to_usage_intensity
        lines.append(
            {
                "span": span(start, end),
                "method": entry.recipe.method.title,
                "url": entry.get_absolute_url() + use(ranked.query),
                "one_time": one_time(entry, ranked.query.shared_by),
                "per_image": joules(entry.inference_energy_j),
                "here": start <= usage_intensity and (end is None or usage_intensity < end),
            }
        )
    return lines


def span(start: float, end: float | None) -> str:
    """An interval of usage intensities in words."""
    if end is None:
        return f"from {count(start)} on" if start > 0 else "at any usage"
    return f"{count(start)} to {count(end)}" if start > 0 else f"up to {count(end)}"
