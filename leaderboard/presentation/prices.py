"""A reader's assumptions in words, and the price's source. `static/leaderboard/cost.js` says the same."""

from __future__ import annotations

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.cost import PriceRegion
from leaderboard.forms.table_view import View
from leaderboard.presentation.format import SPACE, number, weight


def words(view: View) -> str:
    """What a kWh costs: "0.190 EUR/kWh"; empty without a price."""
    price = view.price
    if price is None:
        return ""
    amount = number(price.per_kwh)
    return f"{amount}{SPACE}{price.currency}/kWh" if price.currency else f"{amount}/kWh"


def price_line(view: View) -> dict[str, str]:
    """The price with its source and where that is; all empty without a price."""
    published = view.published_price
    return {
        "words": words(view),
        "source": source(view),
        "origin": _origin(published) if published else "",
        "url": published.source_url if published else "",
    }


def source(view: View) -> str:
    """Whose price it is, and of when; empty for a typed one."""
    return source_of(view.published_price) if view.published_price else ""


def source_of(region: PriceRegion) -> str:
    """A published price's source and period."""
    return f"Price: {_origin(region)}, times PUE."


def _origin(region: PriceRegion) -> str:
    return f"{region.source}, {region.name}, {region.period}"


def sharing(query: LeaderboardQuery) -> str:
    """Who shares search and pre-training."""
    return "search not shared" if query.shared_by == 1 else f"search shared by {weight(query.shared_by)}"


def assumptions(query: LeaderboardQuery, view: View) -> str:
    """Sharing, grid, PUE and price on one line, without what has no effect."""
    grid = f"{view.grid.name} at {view.grid.intensity_g_per_kwh:g}{SPACE}g/kWh"
    return "; ".join(
        filter(None, (sharing(query), f"grid: {grid}", f"PUE {weight(view.pue)}", words(view) or "no price"))
    )
