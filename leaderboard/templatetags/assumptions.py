"""Fields of a reader's assumptions, for every page that shows carbon and cost."""

from __future__ import annotations

from typing import Any

from django import template

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.forms.table_view import PRICES, REGIONS, View
from leaderboard.presentation import prices

register = template.Library()


@register.inclusion_tag("leaderboard/_price.html")
def price_fields(view: View) -> dict[str, Any]:
    """A published price by region, or the reader's own with its currency."""
    return {
        "view": view,
        "own": "" if view.price_per_kwh is None else f"{view.price_per_kwh:.15g}",
        "words": prices.words(view),
        "source": prices.source(view),
        "regions": [
            (region, f"{region.price_per_kwh:.15g}", prices.source_of(region), region.slug == view.price_region)
            for region in PRICES.values()
        ],
    }


@register.inclusion_tag("leaderboard/_grid.html")
def grid_fields(view: View) -> dict[str, Any]:
    """The grid whose carbon is counted, and PUE."""
    return {
        "pue": f"{view.pue:.15g}",
        "regions": [(region, region.slug == view.region) for region in REGIONS.values()],
    }


@register.simple_tag
def assumptions_words(query: LeaderboardQuery, view: View) -> str:
    """What is assumed, on one line."""
    return prices.assumptions(query, view)
