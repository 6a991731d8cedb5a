"""Whose request it is, for what is private."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from leaderboard.domain.readers import EVERYBODY, Reader
from leaderboard.forms.second_factor import lacks_second_factor

NOT_KEPT = "private, no-store"


def reader_of(request: HttpRequest) -> Reader:
    """The signed-in account; everybody without a session, which is then not looked for."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return EVERYBODY
    return reader_by(request.user, sees_all=not lacks_second_factor(request))


def reader_by(user: User | AnonymousUser, *, sees_all: bool = True) -> Reader:
    """An account. sees_all: whether an administrator sees what is private to others."""
    return Reader(user.pk, user.is_staff and sees_all) if user.is_authenticated else EVERYBODY


def keep_from_caches(response: HttpResponseBase) -> None:
    """Let nobody keep an answer that shows something private."""
    response.headers["Cache-Control"] = NOT_KEPT
    response.headers.pop("Expires", None)
