"""Pages that show private results to those who may see them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from leaderboard.domain.readers import reading_as
from leaderboard.forms.reader import keep_from_caches, reader_of

Response = TypeVar("Response", bound=HttpResponseBase)


def with_own(view: Callable[..., Response]) -> Callable[..., Response]:
    """The view, which reads for whom its request is; no cache keeps what it says of anything private.

    A view without it reads for everybody. Outside of all that sets headers for caches.
    """

    @wraps(view)
    def reading(request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        with reading_as(reader_of(request)) as now:
            response = view(request, *args, **kwargs)
        if now.is_private:
            keep_from_caches(response)
        return response

    return reading
