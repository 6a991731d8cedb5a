"""The leaderboard's page, kept for the next reader who asks the same of the same results.

Only a page that is the same for everybody is kept: that of a reader who is not signed in. All web processes of a
machine share what is kept; presentation/kept_answers.py has the latest at hand in each.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers

from leaderboard.presentation.kept_answers import PERSONAL_COOKIES, State
from leaderboard.views.copied import is_for_a_copy

KEPT_S = 3600
_ACCEPTS_GZIP = re.compile(r"\bgzip\b")


def state_of(request: HttpRequest, now: State, *seen: Any) -> str | None:
    """What the answer depends on, as a word: the address, the boards, runs and notice of `now`, and `seen`.

    None if the page may be of one reader alone.
    """
    if settings.DEBUG or not now[0] or is_for_a_copy(request):
        return None
    if any(name in request.COOKIES for name in PERSONAL_COOKIES):
        return None
    asked = request.build_absolute_uri(), request.META.get("QUERY_STRING")
    state = (_release(), asked, now, seen)
    return hashlib.blake2b(repr(state).encode(), digest_size=16).hexdigest()


def find(state: str | None, request: HttpRequest) -> HttpResponse | None:
    """The page that was kept of this state; 304 if the reader's browser has it still."""
    if state is None:
        return None
    packed = caches["pages"].get(state)
    return None if packed is None else _answer(state, packed, request)


def keep(state: str | None, response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """`response`, kept unless it is one reader's."""
    if state is None or response.status_code != 200:
        return response
    packed = gzip.compress(response.content, compresslevel=6, mtime=0)
    caches["pages"].set(state, packed, KEPT_S)
    return _answer(state, packed, request)


@cache
def _release() -> tuple[Any, ...]:
    """The templates, scripts and code that this process began with: pages of another release are not its own."""
    base = Path(settings.BASE_DIR)
    of_release = [
        *(base / "templates").rglob("*.html"),
        *(path for part in ("leaderboard", "measurement") for path in (base / part).rglob("*.py")),
        Path(settings.STATIC_ROOT, "staticfiles.json"),
    ]
    changed = [path.stat().st_mtime_ns for path in of_release if path.exists()]
    return len(changed), sum(changed)


def _answer(state: str, packed: bytes, request: HttpRequest) -> HttpResponse:
    as_gzip = bool(_ACCEPTS_GZIP.search(request.headers.get("Accept-Encoding", "")))
    response = HttpResponse(packed if as_gzip else gzip.decompress(packed))
    if as_gzip:
        response.headers["Content-Encoding"] = "gzip"
    # The browser asks each time, and gets a few bytes if nothing has changed.
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["ETag"] = f'W/"{state}"'
    patch_vary_headers(response, ["Cookie", "Accept-Encoding"])
    return get_conditional_response(request, etag=response.headers["ETag"], response=response) or response
