"""The findings: what a board shows that other rankings don't."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard import queries
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.quality import typed_percent
from leaderboard.forms.findings import read_findings_query
from leaderboard.models import Board
from leaderboard.presentation import findings as written
from leaderboard.presentation.rows import track_title
from leaderboard.views.private import with_own


@with_own
@require_safe
def findings(request: HttpRequest) -> HttpResponse:
    """Sentences, tables and charts computed from the current entries of one board."""
    asked = read_findings_query(request.GET)
    board = queries.find_board(asked.query)
    if board is None and (fullest := queries.find_board(LeaderboardQuery())) is not None:
        board = fullest
        asked.notices.append(
            "There are no results for this track, hardware, scenario and scope yet; another is shown."
        )
    context: dict[str, Any] = {"notices": asked.notices, "board": board, "boards": _boards(board)}
    if board is not None:
        found = queries.findings_of(board, asked.query.min_quality)
        context |= {
            "found": found,
            "sections": written.sections(found),
            "too_few": written.too_few(found.of_board),
            "track": track_title(board.track),
            "min_quality": f"{found.min_quality:.15g}",
            "typed_floor": typed_percent(asked.query.min_quality),
            "track_floor": typed_percent(found.of_board.track_floor),
            "group": _group(board),
        }
    return render(request, "leaderboard/findings.html", context)


def _boards(shown: Board | None) -> list[dict[str, str]]:
    """The other boards, the fullest first, as names and addresses."""
    return [
        {
            "words": f"{track_title(board.track)} on {board.hardware.name}, {board.get_scenario_display().lower()}, "
            f"{board.get_scope_display().lower()}",
            "address": "?" + urlencode(_group(board)),
        }
        for board in queries.boards().order_by("-size", "pk")
        if board != shown
    ]


def _group(board: Board) -> dict[str, str]:
    return {"track": board.track, "hardware": board.hardware.slug, "scenario": board.scenario, "scope": board.scope}
