"""Fields of a reader's assumptions, for every page that shows carbon and cost."""

from __future__ import annotations

from typing import Any

from django import template

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.forms.table_view import PRICES, REGIONS, View
from leaderboard.presentation import prices
from leaderboard.presentation.controls import Number

register = template.Library()


@register.inclusion_tag("leaderboard/_price.html")
def price_fields(view: View, typed: Number, *, with_help: bool = False) -> dict[str, Any]:
    """A published price by region, or the reader's own with its currency; `typed`: as it was typed."""
    return {
        "view": view,
        "number": typed,
        "with_help": with_help,
        "words": prices.words(view),
        "source": prices.source(view),
        "regions": [
            (region, f"{region.price_per_kwh:.15g}", prices.source_of(region), region.slug == view.price_region)
            for region in PRICES.values()
        ],
    }


@register.inclusion_tag("leaderboard/_grid.html")
def grid_fields(view: View, typed: Number) -> dict[str, Any]:
    """The grid whose carbon is counted, and PUE as it was typed."""
    return {
        "number": typed,
        "regions": [(region, region.slug == view.region) for region in REGIONS.values()],
    }


@register.simple_tag
def assumptions_words(query: LeaderboardQuery, view: View) -> str:
    """What is assumed, on one line."""
    return prices.assumptions(query, view)
