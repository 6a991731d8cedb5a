"""A board's result in words: the best entry, and from which usage on another wins. `summary.js` does the same."""

from __future__ import annotations

from typing import Any

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.greenness import accuracy_factor
from leaderboard.domain.running import RUN_AS
from leaderboard.forms.table_view import View
from leaderboard.presentation.format import (
    count,
    fixed,
    floor_percent,
    images,
    joules,
    number,
    percent,
    share,
    watt_hours,
    weight,
)
from leaderboard.presentation.rows import one_time, quality_label, quality_marks, trusted, use
from leaderboard.queries import RankedBoard, RankedEntry


def summary(ranked: RankedBoard, view: View | None = None) -> list[dict[str, Any]]:
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
        {"text": f" on {board.hardware.name}, "},
    ]
    if first.place.rank is None:
        at_floor = floor(query) if query.floor else ""
        return [*pieces, {"text": f"no entry{at_floor} is ranked: {_why_none_is_ranked(ranked)}."}]
    entry = first.entry
    bound = "" if entry.complete else "at least "
    ahead = first.one_time_energy_j / first.place.energy_j if first.place.energy_j > 0 else 0.0
    known = ", ".join([f"{percent(entry.quality)} {quality_label(entry.quality_metric)}", *quality_marks(entry)])
    pieces.append({"text": entry.method.title, "url": entry.get_absolute_url() + use(query, view)})
    pieces.append({"text": f" ({known}) {_best_of(ranked)}: {bound}"})
    pieces.append({"text": joules(first.place.energy_j), "strong": True})
    details = watt_hours(first.place.energy_j) + trusted(entry)
    pieces.append({"text": f" ({details}) over its life, {share(ahead)} of it one-time"})
    others = (first.place.rank_worst or 1) - 1
    within = f", but {others} {'other is' if others == 1 else 'others are'} within uncertainty" if others else ""
    return [*pieces, {"text": f"{within}."}]


def _best_of(ranked: RankedBoard) -> str:
    """What the winner is best at, and among how many."""
    query, models = ranked.query, ranked.ranked_count
    filtered = "filtered " if is_filtered(query) else ""
    among = f"of {models:,} {filtered}{'model' if models == 1 else 'models'}{floor(query)}"
    if query.order_by == "energy":
        return f"uses the least energy {among}"
    return f"is the greenest at τ = {weight(query.accuracy_weight)} {among}"


def following(ranked: RankedBoard, view: View | None = None) -> list[dict[str, Any]]:
    """What comes next, in pieces: the runner-up and its distance, and where the answer changes."""
    first, second = [*ranked.rows[:2], None, None][:2]
    if first is None or first.place.rank is None:
        return []
    if second is None or second.place.rank is None:
        return [{"text": "No other entry is ranked."}]
    return [
        {"text": "Next: "},
        {"text": second.entry.method.title, "url": second.entry.get_absolute_url() + use(ranked.query, view)},
        {"text": f" ({percent(second.entry.quality)}){_distance(ranked.query, first, second)}."},
        *_changes(ranked, first, view),
    ]


def _distance(query: LeaderboardQuery, first: RankedEntry, second: RankedEntry) -> str:
    """How far the second is from the first: in greenness, or in energy."""
    if query.order_by == "greenness":
        return f", {number(second.greenness_percent)}\u00a0% as green"
    if not first.place.energy_j > 0:
        return ""
    bound = "" if second.entry.complete else "at least "
    times = second.place.energy_j / first.place.energy_j
    if times == 1:
        return f" with {bound}the same energy"
    return f" with {bound}{share(times - 1)} more" if times < 2 else f" with {bound}{number(times)} times the energy"


def _changes(ranked: RankedBoard, first: RankedEntry, view: View | None) -> list[dict[str, Any]]:
    """Who wins at lower and at higher usage; nothing if the winner is not on the envelope."""
    champions, usage_intensity = ranked.champions, ranked.query.usage_intensity
    here = sum(champion.from_usage_intensity <= usage_intensity for champion in champions) - 1
    if here < 0 or champions[here].key != first.entry.pk:
        return []

    def named(position: int) -> dict[str, Any]:
        entry = ranked.champion_rows[int(champions[position].key)].entry
        return {"text": entry.method.title, "url": entry.get_absolute_url() + use(ranked.query, view)}

    is_last = here + 1 == len(champions)
    if here == 0:
        if is_last:
            return [{"text": " No other wins at any usage."}]
        return [{"text": f" From {images(champions[1].from_usage_intensity)} on, "}, named(1), {"text": " wins."}]
    below = [{"text": f" Below {images(champions[here].from_usage_intensity)}, "}, named(here - 1)]
    if is_last:
        return [*below, {"text": " wins; at higher usage no other does."}]
    above = [{"text": f" wins; from {count(champions[here + 1].from_usage_intensity)} on, "}, named(here + 1)]
    return [*below, *above, {"text": "."}]


def _why_none_is_ranked(ranked: RankedBoard) -> str:
    incomplete, without_value = (len(group) for group in ranked.placing.group[1:]) if ranked.placing else (0, 0)
    if not without_value:
        return "every entry has a missing phase, so its total is a lower bound"
    if not incomplete:
        return "no entry is accurate enough to rank at this τ"
    return "every entry has a missing phase or is not accurate enough to rank at this τ"


def _nothing(ranked: RankedBoard) -> str:
    if ranked.below_floor and ranked.query.floor is not None:
        entries = ranked.below_floor
        which = "The only matching entry is" if entries == 1 else f"All {entries:,} matching entries are"
        return f"{which} below the quality floor of {floor_percent(ranked.query.floor)}."
    return "No entry matches these filters."


def is_filtered(query: LeaderboardQuery) -> bool:
    """Whether filters leave out some of the board's entries, quality floor apart."""
    chosen = query.families or query.provenance or query.quality_by or query.search or query.source
    return bool(chosen or query.limits or any(getattr(query, name) for name in RUN_AS))


def among(query: LeaderboardQuery) -> str:
    """Says that a winner is the best of the filtered entries; empty if there are no filters."""
    return " of the filtered entries" if is_filtered(query) else ""


def floor(query: LeaderboardQuery) -> str:
    """The quality floor in force as a phrase; said too if the reader has removed the track's."""
    if query.floor:
        return f" at ≥\u00a0{floor_percent(query.floor)}"
    return ", without a quality floor" if query.default_floor else ""


def below_words(entries: int) -> str:
    """How many entries are below the floor; empty if none is."""
    if not entries:
        return ""
    return f"{entries:,} {'entry is' if entries == 1 else 'entries are'} below the floor. "


def floor_link_words(query: LeaderboardQuery) -> str:
    """What the link next to the floor does: remove it, or put the track's back."""
    if query.floor:
        return "Rank every entry"
    return f"Rank only models at ≥\u00a0{floor_percent(query.default_floor or 0.0)}"


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


def crossings(ranked: RankedBoard, view: View | None = None) -> list[dict[str, Any]]:
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
                "url": entry.get_absolute_url() + use(ranked.query, view),
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
