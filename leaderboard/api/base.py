"""What the views of the API share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NoReturn

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import AuthenticationFailed, NotFound, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from leaderboard import queries
from leaderboard.api.authentication import ApiTokenAuthentication, SameOriginSession
from leaderboard.api.errors import Faults, not_found
from leaderboard.api.idempotency import Repeatable
from leaderboard.api.parameters import check_names, read_page
from leaderboard.domain.readers import EVERYBODY, Reader, reading_as
from leaderboard.forms.reader import keep_from_caches, reader_by
from leaderboard.models import ApiToken, Board, TokenScope
from measurement.tracks import private_to


class ApiView(APIView):
    """Rejects query parameters other than those in `parameters`. A POST with an Idempotency-Key is done once.

    has_key: False if a POST that is sent again changes nothing by what it does: such an address looks at no key,
    so that it neither holds a large body in memory nor keeps answers.
    for_workers: True if a token of scope `worker` may ask it.
    """

    parameters: ClassVar[frozenset[str]] = frozenset()
    has_key: ClassVar[bool] = True
    for_workers: ClassVar[bool] = False
    post: Callable[..., Any]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """For everybody until it is known who asks; no cache keeps what is said of anything private."""
        self.of_session = getattr(request, "user", None)  # which REST framework puts nobody in place of
        with reading_as(EVERYBODY) as self.reading:
            response = super().dispatch(request, *args, **kwargs)
        if self.reading.is_private:
            keep_from_caches(response)
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.reading.reader = reader_by(request.user)
        if request.method not in SAFE_METHODS and (ban := queries.ban_of(request.user)) is not None:
            raise PermissionDenied(f"your account may read and no longer write: {ban.reason}")
        check_names(request.query_params, self.parameters)
        if self.repeatable is not None:
            self.post = partial(self.repeatable.once, self.post)

    def check_permissions(self, request: Request) -> None:
        """Before anything else: a worker's token opens what is for workers, whoever owns it."""
        if is_by_worker(request) and not self.for_workers:
            raise PermissionDenied("the scope of this token is worker; it may fetch uploaded files and nothing else")
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """A request that is only sent again, to be answered as before, counts against no limit."""
        self.repeatable = Repeatable.of(request) if self.has_key else None
        if self.repeatable is None or self.repeatable.answer() is None:
            super().check_throttles(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Which says that it depends on the origin if it may: a session is not taken from elsewhere."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if SameOriginSession in self.authentication_classes:
            patch_vary_headers(response, ["origin"])
        return response

    def permission_denied(self, request: Request, message: str | None = None, code: str | None = None) -> NoReturn:
        """401 or 403, which says so of a token that may only submit."""
        if message is None and isinstance(request.auth, ApiToken) and request.auth.scope == TokenScope.SUBMIT:
            message = "the scope of this token is submit; this takes an administrator's token of scope administer"
        super().permission_denied(request, message, code)


def is_by_worker(request: Request) -> bool:
    """Whether the request comes with a token of scope `worker`."""
    return isinstance(request.auth, ApiToken) and request.auth.scope == TokenScope.WORKER


class PublicView(ApiView):
    """The same for everyone: it reads no session, so that a cache may keep the response."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    get: Callable[..., Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if hasattr(self, "get"):
            self.get = self.head = partial(self._for_all_or_own, self.get)

    def _for_all_or_own(self, get: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> Any:
        """The answer for everybody. If it is that nothing is there, the one for who asks: it may be private.

        A board is named by its track, which says that it is private.
        """
        if private_to(request.query_params.get("track", "")) is None:
            try:
                return get(request, *args, **kwargs)
            except NotFound:
                self.reading.reader = self._reader_of(request)
                if self.reading.reader.is_everybody:
                    raise
        else:
            self.reading.reader = self._reader_of(request)
        return get(request, *args, **kwargs)

    def _reader_of(self, request: Request) -> Reader:
        """Who asks, of an address that takes no session or token otherwise: one that is no good is nobody's."""
        request._request.user = self.of_session or AnonymousUser()
        for authentication in (ApiTokenAuthentication(), SameOriginSession()):
            try:
                found = authentication.authenticate(request)
            except (AuthenticationFailed, PermissionDenied):
                return EVERYBODY
            if found is not None:
                return reader_by(found[0])
        return EVERYBODY


class UnknownAddress(PublicView):
    """404 in the API's error format."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise not_found("address", "/api/docs/ lists them")


def version_of(board: Board) -> str:
    """For entity tags: changes with every change of the board. The time is in it for replaced databases."""
    return f"{board.pk}-{board.revision}-{board.changed_at.timestamp():.6f}"


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list of `count` items, with the addresses of its neighbours."""

    count: int
    start: int
    stop: int
    next: str | None
    previous: str | None

    def envelope(self, results: Collection[Any], **more: Any) -> dict[str, Any]:
        """The response body with `results`."""
        return {"count": self.count, "next": self.next, "previous": self.previous, **more, "results": results}


def paginate(request: Request, count: int) -> Page:
    """The requested part. Raises Faults for a page that does not exist."""
    number, size = read_page(request.query_params)
    pages = max(1, -(-count // size))
    if number > pages:
        raise Faults([("page", f"is {number}, but must be from 1 to {pages}")])
    here = request.build_absolute_uri()
    following = replace_query_param(here, "page", number + 1) if number < pages else None
    if number == 1:
        previous = None
    elif number == 2:
        previous = remove_query_param(here, "page")
    else:
        previous = replace_query_param(here, "page", number - 1)
    return Page(count, (number - 1) * size, number * size, following, previous)
