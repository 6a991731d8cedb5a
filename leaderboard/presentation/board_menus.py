"""What the menus of the board's form offer, and what is chosen in each."""

from __future__ import annotations

from typing import Any

from leaderboard import queries
from leaderboard.domain.board_query import ORDERINGS
from leaderboard.domain.quality import QUALITY_BY
from leaderboard.domain.running import RUN_AS
from leaderboard.forms.table_columns import COLUMNS
from leaderboard.forms.table_view import REGIONS, View
from leaderboard.models import FAMILIES, Board, Provenance, Scenario, Scope
from leaderboard.presentation import controls, rows

SOURCE_CHOICES = {"verified": "verified by this site's workers", "published": "published by others"}
RUN_AS_LABELS = {"precision": "Precision", "runtime": "Run by", "compiled": "Compilation"}


def options(ranked: queries.RankedBoard, known: list[Board], view: View, *, with_empty: bool) -> dict[str, Any]:
    """Every menu as (value, label, chosen), with the board's values chosen for what the query leaves open.

    with_empty: tracks without results too; a copy of the site has no page that says so of one.
    """
    query, board = ranked.query, ranked.board
    tracks = {item.track: rows.track_title(item.track) for item in known}
    track = board.track if board else query.track
    empty = {
        item["slug"]: f"{item['title']} (no results yet)"
        for item in controls.empty_tracks(known)
        if with_empty and not item["is_open"]
    }
    here = [item for item in known if item.track == track] or known
    hardware = {item.hardware.slug: item.hardware.name for item in here}
    return {
        "track": _menu([*sorted(tracks.items()), *empty.items()], track or (known[0].track if known else "")),
        "hardware": _menu(sorted(hardware.items()), board.hardware.slug if board else query.hardware),
        "scenario": _menu(Scenario.choices, board.scenario if board else query.scenario or Scenario.OFFLINE),
        "scope": _menu(Scope.choices, board.scope if board else query.scope or Scope.ACCELERATOR),
        "order_by": _menu(list(ORDERINGS.items()), query.order_by),
        "family": _menu(list(FAMILIES.items()), *query.families),
        "provenance": _menu(
            [choice for choice in Provenance.choices if choice[0] != Provenance.MISSING], *query.provenance
        ),
        "quality_by": _menu(list(QUALITY_BY.items()), *query.quality_by),
        "run_as": [
            (name, RUN_AS_LABELS[name], _menu(list(values.items()), *getattr(query, name)))
            for name, values in RUN_AS.items()
        ],
        "source": _menu([("", "verified and published"), *SOURCE_CHOICES.items()], query.source),
        "families": FAMILIES,
        "sort": _menu(
            [
                (sign + column.key, f"{column.label} {arrow}")
                for column in COLUMNS
                for sign, arrow in (("", "▲"), ("-", "▼"))
            ],
            view.sort,
        ),
        "region": [
            (slug, region.name, f"{region.intensity_g_per_kwh:g}", slug == view.region)
            for slug, region in REGIONS.items()
        ],
    }


def defaults(ranked: queries.RankedBoard, known: list[Board]) -> dict[str, str]:
    """The default scenario and scope; empty if these have no results here."""
    board = ranked.board
    here = [item for item in known if board and (item.track, item.hardware_id) == (board.track, board.hardware_id)]
    return {
        "scenario": str(Scenario.OFFLINE) if any(item.scenario == Scenario.OFFLINE for item in here) else "",
        "scope": str(Scope.ACCELERATOR) if any(item.scope == Scope.ACCELERATOR for item in here) else "",
    }


def _menu(choices: list[tuple[str, str]], *chosen: str) -> list[tuple[str, str, bool]]:
    return [(value, label, value in chosen) for value, label in choices]
