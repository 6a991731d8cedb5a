"""503 while the database is away, in the form of the page or of the API, without a query."""

from __future__ import annotations

import sys

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse
from django.template.loader import render_to_string

from leaderboard.database.away import is_away

RETRY_AFTER_S = 10
IN_WORDS = f"the database can't be reached at the moment; try again in {RETRY_AFTER_S} s"

log = structlog.get_logger()


def unavailable(request: HttpRequest, error: object) -> HttpResponse:
    """503 with Retry-After."""
    log.warning("database unreachable", path=request.path, reason=str(error).strip())
    headers = {"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-store"}
    if request.path_info.startswith("/api/"):
        return JsonResponse({"errors": [{"field": None, "message": IN_WORDS}]}, status=503, headers=headers)
    return HttpResponse(render_to_string("503.html"), status=503, headers=headers)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of every error that nothing else handles: 503 or 500.

    The middleware DatabaseAway sees what views raise; this sees what other middleware does, e.g. for a session.
    """
    error = sys.exc_info()[1]
    return unavailable(request, error) if is_away(error) else HttpResponseServerError(render_to_string("500.html"))
