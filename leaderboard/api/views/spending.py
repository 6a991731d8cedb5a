"""What verification has cost, for administrators."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import queries
from leaderboard.api.base import ApiView, paginate
from leaderboard.api.documentation import PAGE_PARAMETERS, errors
from leaderboard.api.errors import Faults
from leaderboard.api.parameters import PAGE
from leaderboard.api.schemas.administration import SpendingSerializer


class SpendingView(ApiView):
    """The joules of every attempt."""

    permission_classes = (IsAdminUser,)
    parameters = PAGE | {"by"}

    @extend_schema(
        operation_id="spending",
        tags=["administration"],
        parameters=[
            OpenApiParameter("by", enum=list(queries.SPENT_BY), description="What is added up; default: month."),
            *PAGE_PARAMETERS,
        ],
        responses={200: SpendingSerializer, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        """All attempts, also those without a result and those that charge nothing to a model."""
        by = request.query_params.get("by", "month")
        if by not in queries.SPENT_BY:
            raise Faults([("by", f"is {by[:40]!r}, but must be one of {', '.join(queries.SPENT_BY)}")])
        rows = queries.spending(by)
        page = paginate(request, rows.count())
        results = [
            row | {"value": f"{row['value']:%Y-%m}" if by == "month" else row["value"]}
            for row in rows[page.start : page.stop]
        ]
        return Response(page.envelope(results, by=by))
