"""What the views of the API share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from leaderboard import queries
from leaderboard.api.errors import Faults, not_found
from leaderboard.api.parameters import check_names, read_page
from leaderboard.models import Board


class ApiView(APIView):
    """Rejects query parameters other than those in `parameters`."""

    parameters: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in SAFE_METHODS and (ban := queries.ban_of(request.user)) is not None:
            raise PermissionDenied(f"your account may read and no longer write: {ban.reason}")
        check_names(request.query_params, self.parameters)


class PublicView(ApiView):
    """The same for everyone: it reads no session, so that a cache may keep the response."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


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
