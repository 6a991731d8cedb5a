"""Lines of a table across hardware: what an entry's row says, and where it runs. It is no group, so without ranks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.forms.table_view import View
from leaderboard.models import Entry
from leaderboard.presentation import rows
from leaderboard.queries import off_board


def lines(entries: Iterable[Entry], query: LeaderboardQuery, view: View) -> list[dict[str, Any]]:
    """A line for each entry, at the reader's usage intensity and assumptions."""
    return [_line(entry, query, view) for entry in entries]


def _line(entry: Entry, query: LeaderboardQuery, view: View) -> dict[str, Any]:
    board = entry.board
    group = {"track": board.track, "hardware": board.hardware.slug, "scenario": board.scenario, "scope": board.scope}
    return rows.row(off_board(entry, query), query, view) | {
        "hardware": board.hardware.name,
        "track": rows.track_title(board.track),
        "board_url": f"?{urlencode(group)}{rows.use(query, view, '&')}",
        "model": entry.published.model if entry.published else entry.method.published_model,
        "is_replaced": entry.replaced_by_id is not None,
        "is_superseded": entry.superseded_by_id is not None,
    }
