"""Every error of the API is `{"errors": [{"field": …, "message": …}]}`, field null for the whole request."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from leaderboard.services import AtWork, Differs, Gone, Invalid, LimitReached, NoRoom, Refused, TooBig
from measurement.documents import DocumentError

Error = tuple[str | None, str]
_STATUS_OF: dict[type[Refused], int] = {
    AtWork: status.HTTP_409_CONFLICT,
    Differs: status.HTTP_422_UNPROCESSABLE_ENTITY,
    Gone: status.HTTP_410_GONE,
    Invalid: status.HTTP_400_BAD_REQUEST,
    LimitReached: status.HTTP_429_TOO_MANY_REQUESTS,
    TooBig: status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    NoRoom: status.HTTP_507_INSUFFICIENT_STORAGE,
}


class Faults(exceptions.APIException):
    """An invalid request, with (field, message) for everything that is wrong."""

    status_code: int = status.HTTP_400_BAD_REQUEST

    wait: int | None = None
    """For Retry-After, seconds; None: without it."""

    def __init__(self, errors: Iterable[Error], status_code: int = status.HTTP_400_BAD_REQUEST) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(message for _, message in self.errors))
        self.status_code = status_code


class TooLarge(exceptions.APIException):
    """413: a body above the limit. Raised before any of it is read."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class LengthRequired(exceptions.APIException):
    """411: without Content-Length, a body can't be limited before it is read."""

    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_detail = "send a Content-Length header"


def not_found(what: str, detail: str = "") -> exceptions.NotFound:
    """404 that names what was not found. detail: why, or where to look."""
    return exceptions.NotFound(f"{what} not found; {detail}" if detail else f"{what} not found")


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler. None, and so a 500, for unexpected errors."""
    if isinstance(error, DocumentError):
        error = Faults((fault.field or None, fault.message) for fault in error.faults)
    if isinstance(error, Refused):
        error = _faults(error, getattr(context.get("view"), "refused_status", status.HTTP_409_CONFLICT))
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = {"errors": [{"field": field, "message": message} for field, message in _errors_of(error)]}
    return response


def _faults(refusal: Refused, otherwise: int) -> Faults:
    faults = Faults([(refusal.field or None, refusal.message)], _STATUS_OF.get(type(refusal), otherwise))
    if isinstance(refusal, LimitReached) and refusal.retry_after_s is not None:
        faults.wait = math.ceil(refusal.retry_after_s)
    if isinstance(refusal, AtWork):
        faults.wait = 1
    return faults


def _errors_of(error: Exception) -> list[Error]:
    if isinstance(error, Faults):
        return error.errors
    if isinstance(error, Http404):
        return [(None, "not found")]
    if isinstance(error, PermissionDenied):
        return [(None, str(error) or "permission denied")]
    if isinstance(error, exceptions.APIException):
        return list(_flat(error.detail))
    return [(None, str(error))]


def _flat(detail: Any, field: str | None = None) -> Iterable[Error]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            # An invalid token comes as {"detail": …, "code": …}.
            if name != "code":
                yield from _flat(inner, field if name == "detail" else f"{field}.{name}" if field else str(name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _flat(inner, field)
    else:
        yield field, str(detail)
