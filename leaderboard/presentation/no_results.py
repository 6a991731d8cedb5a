"""A group without results: what was asked for, and what there is instead."""

from __future__ import annotations

from typing import Any

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Board
from leaderboard.presentation.format import words
from leaderboard.presentation.rows import track_title

MOST_OFFERED = 20


def no_results(query: LeaderboardQuery, known: list[Board]) -> dict[str, Any]:
    """What has no results in words, its track if that has none, and the nearest boards; `known`: fullest first."""
    names = {board.hardware.slug: board.hardware.name for board in known}
    asked = [
        track_title(query.track) if query.track else "",
        names.get(query.hardware, query.hardware),
        words(query.scenario),
        f"scope {query.scope}" if query.scope else "",
    ]
    nearest = sorted(known, key=lambda board: (board.track != query.track, board.hardware.slug != query.hardware))
    has_track = any(board.track == query.track for board in known)
    return {
        "asked": ", ".join(filter(None, asked)),
        "empty_track": query.track if query.track and not has_track else "",
        "boards": nearest[:MOST_OFFERED],
    }
