"""Rejects requests before their body is read, and answers for a database that is away."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from leaderboard.database.away import is_away
from leaderboard.views.unavailable import unavailable


class BodyLimit:
    """413 for a body that is too large for every form, before it is written to a temporary file."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The API has a lower limit, and answers in JSON.
        if (
            not request.path_info.startswith("/api/")
            and _declared_bytes(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        ):
            return render(request, "400.html", {"too_large": True}, status=413)
        return self.get_response(request)


def _declared_bytes(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class DatabaseAway:
    """503 for a view that could not reach the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Called by Django for what a view raises."""
        return unavailable(request, error) if is_away(error) else None
