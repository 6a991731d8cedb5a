"""The lines of the leaderboard's table, and which of them are chosen for a comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from django.core.paginator import Page

from leaderboard import queries
from leaderboard.forms.page_query import PageQuery
from leaderboard.forms.several import MOST_COMPARED, MOST_USAGES
from leaderboard.forms.table_columns import AT_WIDTH, LEFT_OUT_AT
from leaderboard.forms.table_view import BARS
from leaderboard.presentation import choice, rows, side_by_side, table
from leaderboard.presentation.format import count, joules


def lines(ranked: queries.RankedBoard, asked: PageQuery, page: Page[queries.RankedEntry]) -> dict[str, Any]:
    """The page's rows, how wide their bars are, and their ranks at the other usage intensities."""
    query, view = asked.query, asked.view
    full_j = table.full_width_j(ranked) if view.bars == "joules" else None
    others = side_by_side.cells(ranked, page.object_list, view.at)
    return {
        "rows": [rows.row(item, query, view, full_j) | {"at": others[item.entry.pk]} for item in page.object_list],
        "bars": [(value, label, value == view.bars) for value, label in BARS.items()],
        "full_width": "" if full_j is None else joules(full_j),
        "at": [
            {
                "value": f"{usage:.15g}",
                "words": count(usage),
                "url": "?" + replace(asked, query=query.on(usage_intensity=usage)).parameters(),
            }
            for usage in view.at
        ],
        "empty_row": {"at": [{}], "bar_class": "bar"},
        "hatched": ("estimated", "extrapolated", "reported"),
        "most_usages": MOST_USAGES,
        "usages": side_by_side.usages(view.at),
        "table_settings": {
            "at_width": AT_WIDTH,
            "left_out_at": " ".join(LEFT_OUT_AT),
        },
    }


def known_choice(ranked: queries.RankedBoard, asked: PageQuery) -> list[choice.Chosen]:
    """The entries chosen for a comparison that are on this board. The others leave the choice, with a notice."""
    found = choice.chosen(ranked, asked.view.chosen)
    here = tuple(item.entry for item in found)
    if away := [str(entry) for entry in asked.view.chosen if entry not in here]:
        asked.notices.append(f"“chosen”: not on this board, so not compared: {', '.join(away)}.")
        asked.view = asked.view.on(chosen=here)
    return found


def choice_bar(chosen: list[choice.Chosen], asked: PageQuery, page: Page[queries.RankedEntry]) -> dict[str, Any]:
    """The bar with the chosen entries, each with the address that leaves it out."""
    shown = {item.entry.pk for item in page.object_list}
    entries = asked.view.chosen
    without = {
        item.entry: replace(asked, view=asked.view.on(chosen=tuple(n for n in entries if n != item.entry)))
        for item in chosen
    }
    return {
        "most_compared": MOST_COMPARED,
        "compare_with": parse_qsl(rows.use(asked.query, asked.view, "")),
        "chosen_entries": [
            {"item": item, "is_shown": item.entry in shown, "url_without": "?" + without[item.entry].parameters()}
            for item in chosen
        ],
    }
