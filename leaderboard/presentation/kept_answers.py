"""Whole answers that are the same for everybody, at hand in this process while nothing that they show changes.

A view says that its answer is one (`same_for_all`); a middleware keeps it, and gives it to who asks the same before
any view is called. Whether something has changed is asked of the database each time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch

from leaderboard import queries

MOST_BYTES = 16 * 2**20
MOST_WAIT_S = 1.0  # for another's look at the database
MORE_BYTES = 4096  # of an answer's headers, about
PERSONAL_COOKIES = (settings.SESSION_COOKIE_NAME, "messages")
# Headers of a request that no such answer depends on. Any other makes it another question.
OF_NO_MATTER = {
    f"HTTP_{name}"
    for name in (
        *("ACCEPT_LANGUAGE", "CACHE_CONTROL", "CONNECTION", "DNT", "FORWARDED", "KEEP_ALIVE", "PRAGMA", "PRIORITY"),
        *("REFERER", "SAVE_DATA", "SEC_GPC", "TRACEPARENT", "TRACESTATE", "UPGRADE_INSECURE_REQUESTS", "USER_AGENT"),
        *("VIA", "X_FORWARDED_FOR", "X_FORWARDED_PORT", "X_REAL_IP", "X_REQUEST_ID"),
    )
}
BROWSERS_OWN = ("HTTP_SEC_CH_", "HTTP_SEC_FETCH_")

Key = tuple[object, ...]
State = tuple[queries.Glance, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    status: int
    headers: dict[str, str]
    content: bytes
    match: ResolverMatch
    bytes: int


class _Store:
    """Answers of one state of the site: with the next state, all of them go."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._state: State = (), ""
        self._answers: OrderedDict[Key, _Kept] = OrderedDict()
        self._bytes = 0

    def has(self, key: Key) -> bool:
        return key in self._answers

    def find(self, key: Key, state: State) -> _Kept | None:
        with self._lock:
            self._begin(state)
            return self._answers.get(key)

    def keep(self, key: Key, state: State, answer: _Kept) -> None:
        with self._lock:
            self._begin(state)
            replaced = self._answers.pop(key, None)
            self._answers[key] = answer
            self._bytes += answer.bytes - (replaced.bytes if replaced else 0)
            while self._bytes > MOST_BYTES:
                self._bytes -= self._answers.popitem(last=False)[1].bytes

    def _begin(self, state: State) -> None:
        if state != self._state:
            self._state, self._bytes = state, 0
            self._answers.clear()

    def forget(self) -> None:
        with self._lock:
            self._begin(((), ""))


class _Seen:
    """What was seen of the database last. Who waits for a look shares the next one, which began after they asked."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._began = float("-inf")
        self._glance: queries.Glance = ()

    def since(self, asked_at: float) -> queries.Glance:
        """Nothing older than `asked_at`, of `time.monotonic`."""
        if not self._turn.acquire(timeout=MOST_WAIT_S):
            return queries.glance()
        try:
            if self._began < asked_at:
                began = time.monotonic()
                self._glance, self._began = queries.glance(), began
            return self._glance
        finally:
            self._turn.release()


_seen = _Seen()
_store = _Store()


def state_now(request: HttpRequest) -> State:
    """What pages depend on that may change, read after the request came: all boards and runs, and the notice."""
    seen: State | None = vars(request).get("state_now")
    return seen or (queries.glance(), queries.current_notice())


def same_for_all(request: HttpRequest, state: State | None = None) -> None:
    """The answer to `request` is the same for all who ask it so, and shows nothing older than `state` (now).

    To be read before the answer is made: what changes meanwhile may be in it or not.
    """
    if _key(request) is not None:
        vars(request)["same_for_all"] = state_now(request) if state is None else state


def keep(request: HttpRequest, response: HttpResponseBase) -> None:
    """Keep the answer, with all of its headers, if its view has said that it is the same for all."""
    state: State | None = vars(request).get("same_for_all")
    key = _key(request)
    if state is None or key is None or request.resolver_match is None or not isinstance(response, HttpResponse):
        return
    if response.status_code not in (200, 304) or response.cookies:
        return
    size = len(response.content) + MORE_BYTES + len(repr(key))  # which a client may make as long as it likes
    if size > MOST_BYTES // 2:
        return
    made = _Kept(response.status_code, dict(response.headers), response.content, request.resolver_match, size)
    _store.keep(key, state, made)


def find(request: HttpRequest) -> HttpResponse | None:
    """The answer that was kept, if nothing has changed since."""
    if (key := _key(request)) is None or not _store.has(key):
        return None
    with suppress(Error):  # which the view will meet, and answer
        state = vars(request)["state_now"] = (_seen.since(time.monotonic()), queries.current_notice())
        if kept := _store.find(key, state):
            request.resolver_match = kept.match
            return HttpResponse(kept.content, status=kept.status, headers=kept.headers)
    return None


def forget() -> None:
    """Keep nothing of what was kept."""
    _store.forget()


def _key(request: HttpRequest) -> Key | None:
    """All that an answer may depend on; None for a question that may be of one reader alone."""
    given = request.META
    if settings.DEBUG or request.method != "GET" or "HTTP_AUTHORIZATION" in given or given.get("CONTENT_LENGTH"):
        return None
    if any(f"{name}=" in given.get("HTTP_COOKIE", "") for name in PERSONAL_COOKIES):
        return None
    headers = frozenset(
        (name, value)
        for name, value in given.items()
        if name.startswith("HTTP_") and name not in OF_NO_MATTER and not name.startswith(BROWSERS_OWN)
    )
    return request.scheme, request.path_info, given.get("QUERY_STRING"), given.get("SERVER_PORT"), headers
