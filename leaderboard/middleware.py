"""Rules of HTTP that hold for every address, and the answer for a database that is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django_structlog.middlewares import RequestMiddleware

from leaderboard import queries
from leaderboard.database.away import is_away
from leaderboard.domain.uploads import MOST_FORM_BYTES, MOST_MEASUREMENT_BYTES, ROOM_FOR_FIELDS
from leaderboard.forms.second_factor import has_second_factor, lacks_second_factor
from leaderboard.forms.throttles import wait_of
from leaderboard.presentation import kept_answers, request_times
from leaderboard.views.throttled import too_often
from leaderboard.views.unavailable import unavailable


class RequestTimes:
    """Counts how long requests took, by route. Static files, which are served before any route, are not counted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        if request.resolver_match:
            seconds = time.perf_counter() - began
            request_times.count(request.resolver_match.route, request.method or "", response.status_code, seconds)
        return response


class KeptAnswers:
    """An answer that is the same for everybody is given again while nothing that it shows has changed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if (kept := kept_answers.find(request)) is not None:
            return kept
        response = self.get_response(request)
        kept_answers.keep(request, response)
        return response


class Throttled:
    """429 for an address that signs in, signs up, asks for passwords or reads traces too often."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        """Called by Django once the address is known, before its view."""
        found = request.resolver_match
        wait_s = wait_of(request, found.url_name or "") if found else None
        return None if wait_s is None else too_often(request, wait_s)


class NumberedRequests(RequestMiddleware):
    """Each request has a number, which its log lines and its answer have.

    What is logged of it is its route, not its address: that of a forgotten password holds a secret.
    """

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Called by the middleware for the field `request` of its lines."""
        found = request.resolver_match
        return f"{request.method} /{found.route}" if found else f"{request.method}"


class BodyLimit:
    """413 for a body that is too large for every form, before it is written to a temporary file."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The API has its own limits, and answers in JSON.
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if request.path_info == reverse("artifacts"):
            most = MOST_FORM_BYTES + ROOM_FOR_FIELDS
        elif request.path_info == reverse("measurements"):
            most = MOST_MEASUREMENT_BYTES
        if not request.path_info.startswith("/api/") and _declared_bytes(request) > most:
            return render(request, "400.html", {"too_large": True}, status=413)
        return self.get_response(request)


class CrossOriginReads(CorsMiddleware):
    """Pages of any origin may read the API, and nothing else: a write's answer is its own site's alone."""

    def is_enabled(self, request: HttpRequest) -> bool:
        """Whether an address of the API is read, or asked about for a read that would follow."""
        asked = request.headers.get("Access-Control-Request-Method")
        method = asked if request.method == "OPTIONS" and asked else request.method
        return method in settings.CORS_ALLOW_METHODS and super().is_enabled(request)

    def add_response_headers(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The same to every reader, whether an origin is named or not: so that caches keep one answer, not many."""
        varies = response.get("Vary")
        super().add_response_headers(request, response)
        if self.is_enabled(request):
            response.headers.setdefault("Access-Control-Allow-Origin", "*")
            response.headers.setdefault("Access-Control-Expose-Headers", ", ".join(settings.CORS_EXPOSE_HEADERS))
            del response["Vary"]
            if varies is not None:
                response["Vary"] = varies
        return response


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
    """403 with the reason for whatever a banned account would write; it may sign out, and end its mail.

    The API answers in JSON.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_read = request.method in ("GET", "HEAD", "OPTIONS", "TRACE")
        if is_read or request.path_info.startswith(("/api/", "/accounts/unsubscribe/", reverse("account_logout"))):
            return self.get_response(request)
        ban = queries.ban_of(request.user)
        return self.get_response(request) if ban is None else render(request, "403.html", {"ban": ban}, status=403)


class AdministratorsGiveASecondFactor:
    """With ADMIN_2FA, sends administrators who gave a password alone to where they set up or give a second factor.

    Reading public pages and managing one's own account need none; the API takes such a session as nobody's
    administrator.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.ADMIN_2FA or not self._is_held(request) or not lacks_second_factor(request):
            return self.get_response(request)
        messages.warning(request, "Administrators of this site need a second factor for this.")
        if not has_second_factor(request.user):
            return redirect("mfa_activate_totp")
        back = urlencode({"next": request.get_full_path()}) if request.method == "GET" else ""
        return redirect(f"{reverse('mfa_reauthenticate')}?{back}".rstrip("?"))

    @staticmethod
    def _is_held(request: HttpRequest) -> bool:
        address = request.path_info
        if address.startswith("/admin/"):
            return True
        is_own = address.startswith("/accounts/") and address != reverse("tokens")
        return request.method not in ("GET", "HEAD", "OPTIONS") and not is_own and not address.startswith("/api/")


class DatabaseAway:
    """503 for a view that could not reach the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Called by Django for what a view raises."""
        return unavailable(request, error) if is_away(error) else None
