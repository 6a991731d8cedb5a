"""A board's result in words: the best entry, and from which usage on another wins. `summary.js` does the same."""

from __future__ import annotations

from typing import Any

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.greenness import accuracy_factor
from leaderboard.models import Entry
from leaderboard.presentation.format import count, fixed, images, joules, number, percent, share, watt_hours, weight
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
    pieces.append({"text": first.entry.method.title, "url": first.entry.get_absolute_url() + use(query)})
    pieces.append({"text": f" {_best_at(query, first.entry)}{bound}"})
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


def _best_at(query: LeaderboardQuery, winner: Entry) -> str:
    """What the winner is best at, up to its joules."""
    if query.order_by == "energy":
        return f"uses the least energy{among(query)}: "
    quality = f"{percent(winner.quality)} {quality_label(winner.quality_metric)}"
    return f"is the greenest{among(query)} at τ = {weight(query.accuracy_weight)}: {quality} for "


def _why_none_is_ranked(ranked: RankedBoard) -> str:
    incomplete, without_value = (len(group) for group in ranked.placing.group[1:]) if ranked.placing else (0, 0)
    if not without_value:
        return "every entry has a missing phase, so its total is a lower bound"
    if not incomplete:
        return "no entry is accurate enough to rank at this τ"
    return "every entry has a missing phase or is not accurate enough to rank at this τ"


def _nothing(ranked: RankedBoard) -> str:
    if ranked.below_floor and ranked.query.min_quality is not None:
        entries = ranked.below_floor
        which = "The only matching entry is" if entries == 1 else f"All {entries} matching entries are"
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
    if here < 0 or ranked.champions[here].key != first.entry.pk:
        return [{"text": "."}]
    if here + 1 == len(starts):
        return [{"text": "; no entry overtakes it at higher usage." if len(ranked.rows) > 1 else "."}]
    following = ranked.champion_rows[int(ranked.champions[here + 1].key)].entry
    return [
        {"text": f"; from {count(starts[here + 1])} on, "},
        {"text": following.method.title, "url": following.get_absolute_url() + use(ranked.query)},
        {"text": " wins."},
    ]


def worth(accuracy_weight: float) -> str:
    """What a τ means, as an exchange of accuracy for energy."""
    if accuracy_weight == 0:
        return "accuracy does not count"
    energy = 100 * (accuracy_factor(1.01, accuracy_weight) - 1)
    return f"1\u00a0% more accuracy is worth {number(energy, 2)}\u00a0% more energy"


def why(ranked: RankedBoard) -> str:
    """Why the order changes when τ rises: the winner compared with the one at τ = 0. Empty in the order of energy."""
    query, rows, least = ranked.query, ranked.rows, ranked.least_energy
    if query.order_by == "energy" or not rows or rows[0].place.rank is None or least is None:
        return ""
    first, tau = rows[0], weight(query.accuracy_weight)
    if query.accuracy_weight == 0:
        return "At τ = 0, accuracy does not count: the order is that of energy."
    if first.entry.pk == least.entry.pk:
        return (
            f"At τ = {tau}, {_titled(first)} still wins, as at τ = 0: no higher accuracy outweighs its lower energy."
        )
    opening = f"At τ = {tau}, {_titled(first)} beats {_titled(least)}, the winner at τ = 0"
    if least.greenness is None:
        return f"{opening}, whose accuracy is too low to rank at this τ."
    factors = [accuracy_factor(line.entry.quality, query.accuracy_weight) for line in (first, least)]
    energy, gain = _distinct(first.place.energy_j / least.place.energy_j, factors[0] / factors[1])
    qualities = "/".join(fixed(line.entry.quality, 3) for line in (first, least))
    return f"{opening}: it uses {energy} times the energy, but ({qualities})^{tau} ≈ {gain}."


def _titled(line: RankedEntry) -> str:
    return f"{line.entry.method.title} ({percent(line.entry.quality)})"


def _distinct(a: float, b: float) -> tuple[str, str]:
    """Two figures with as many digits as show their difference, three to eight."""
    for digits in range(3, 8):
        if number(a, digits) != number(b, digits):
            return number(a, digits), number(b, digits)
    return number(a, 8), number(b, 8)


def crossings_title(query: LeaderboardQuery) -> str:
    """What the champions are best at."""
    by_energy = query.order_by == "energy"
    return (
        "Which entry uses the least energy"
        if by_energy
        else f"Which entry is the greenest at τ = {weight(query.accuracy_weight)}"
    )


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
                "method": entry.method.title,
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
