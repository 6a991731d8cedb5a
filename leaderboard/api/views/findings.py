"""What a board shows that other rankings don't."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import queries
from leaderboard.api.base import PublicView
from leaderboard.api.documentation import BOARD_PARAMETERS, MIN_QUALITY, errors
from leaderboard.api.findings import FindingsSerializer, findings
from leaderboard.api.parameters import board_query
from leaderboard.api.rows import group
from leaderboard.forms.findings import PARAMETERS


class FindingsView(PublicView):
    """How far other rankings are from the full-cycle order, what that costs, and how firm the champions are."""

    parameters = PARAMETERS

    @extend_schema(
        operation_id="findings",
        tags=["leaderboard"],
        parameters=[*BOARD_PARAMETERS, MIN_QUALITY],
        responses={200: FindingsSerializer, **errors(400)},
    )
    def get(self, request: Request) -> Response:
        """The findings of one group; `min_quality` defaults to the track's."""
        query = board_query(request.query_params)
        board = queries.find_board(query)
        found = queries.findings_of(board, query.min_quality) if board else None
        return Response(findings(found, group(board, query)))
