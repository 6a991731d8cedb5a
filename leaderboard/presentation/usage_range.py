"""What to choose if N is only known to lie in a range, in words. `static/leaderboard/range.js` says the same."""

from __future__ import annotations

from typing import Any

from leaderboard.domain.usage_range import Choice
from leaderboard.forms.table_view import View
from leaderboard.presentation.format import SPACE, count, images, joules, number, share
from leaderboard.presentation.rows import use
from leaderboard.queries import RankedBoard

Pieces = list[dict[str, Any]]
NOTHING = "No entry with a complete total matches the filters, so there is nothing to choose from."
MANY_TIMES = 10


def usage_range(ranked: RankedBoard, ends: tuple[float, float], view: View) -> Pieces:
    """The answer for a range of usage intensities (images), in pieces as those of the summary."""
    n_from, n_to = ends
    answer = ranked.over_range(n_from, n_to)
    if answer is None:
        return [{"text": NOTHING}]
    safest, average = answer.safest, answer.best_on_average
    opening: Pieces = [
        {"text": "From "},
        {"text": f"{count(n_from)} to {images(n_to)}", "strong": True},
        {"text": ", "},
    ]
    if answer.winners == 1:
        best = f" is {_best(ranked)} at any usage: not knowing it costs nothing."
        return [*opening, _named(safest, ranked, view), {"text": best}]
    at_once = " or" if safest.worst_at == safest.extra_at else f" (at {images(safest.worst_at)}) and at most"
    costs = (
        f": not knowing the usage costs at most {extra(safest.worst_ratio)}{at_once} {joules(safest.extra_energy_j)} "
        f"(at {images(safest.extra_at)}) more energy than {_rival(ranked)} would use."
    )
    means = f", with {extra(average.mean_ratio)} more, every power of ten as likely as another"
    if average.key == safest.key:
        on_average: Pieces = [{"text": f" It is also the best on average{means}."}]
    else:
        others = f" ({extra(safest.mean_ratio)} for the safest), but at most {extra(average.worst_ratio)}."
        on_average = [
            {"text": " The best on average is "},
            _named(average, ranked, view),
            {"text": f"{means}{others}"},
        ]
    return [
        *opening,
        {"text": f"{answer.winners} models are each {_best(ranked)} somewhere. The safest choice is "},
        _named(safest, ranked, view),
        {"text": costs},
        *on_average,
    ]


def extra(ratio: float) -> str:
    """What a ratio is above 1, in per cent: "12 %", "3,100 %"."""
    return share(ratio - 1) if ratio < MANY_TIMES else f"{number(100 * (ratio - 1))}{SPACE}%"


def _named(choice: Choice, ranked: RankedBoard, view: View) -> dict[str, Any]:
    key = int(choice.key)
    entry = ranked.find([key])[key].entry
    return {"text": entry.method.title, "url": entry.get_absolute_url() + use(ranked.query, view)}


def _best(ranked: RankedBoard) -> str:
    return "the best" if ranked.query.order_by == "energy" else "the greenest"


def _rival(ranked: RankedBoard) -> str:
    if ranked.query.order_by == "energy":
        return "the best for it"
    return "one of the same accuracy that is as green as the best for it"
