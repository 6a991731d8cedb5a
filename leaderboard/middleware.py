"""Rules of HTTP that hold for every address, and the answer for a database that is away."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from leaderboard import queries
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


class NoBodyForHead:
    """The answer to HEAD has the headers of GET and no body: servers may not send one, and complain of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method == "HEAD":
            if isinstance(response, StreamingHttpResponse):
                response.streaming_content = iter(())
                response.file_to_stream = None  # type: ignore[attr-defined]  # which a server would send by itself
            elif isinstance(response, HttpResponse):
                response.headers.setdefault("Content-Length", str(len(response.content)))
                response.content = b""
        return response


def _declared_bytes(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class BannedOnlyRead:
    """403 with the reason for whatever a banned account would write; it may sign out. The API answers in JSON."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_read = request.method in ("GET", "HEAD", "OPTIONS", "TRACE")
        if is_read or request.path_info.startswith("/api/") or request.path_info == reverse("account_logout"):
            return self.get_response(request)
        ban = queries.ban_of(request.user)
        return self.get_response(request) if ban is None else render(request, "403.html", {"ban": ban}, status=403)


class DatabaseAway:
    """503 for a view that could not reach the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Called by Django for what a view raises."""
        return unavailable(request, error) if is_away(error) else None
