"""Asks the site for its pages, as a reader without an account who reads a copy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test import Client, override_settings

COPIED = "leaderboard.copied"  # no header of a request has a name like this


@dataclass(frozen=True)
class Copied:
    """What a page of a copy says and needs to know. root: the way from the page to the copy's first folder."""

    date: Any
    site: str
    address: str
    root: str
    policy: str
    boards: list[tuple[str, ...]] = field(default_factory=list)
    """Of each board track, hardware, scenario, scope, and its page's file; what the site prefers first."""


class ForACopy:
    """Middleware that takes what the page is made for out of the environment. Only a copy's making has it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.copied = request.META[COPIED]  # type: ignore[attr-defined]
        return self.get_response(request)


# What pages need. Nothing that counts requests, logs them or refuses them if there are many.
MIDDLEWARE = [
    f"{__name__}.ForACopy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]


@contextmanager
def asking(site: str) -> Iterator[Callable[[str, Copied], Any]]:
    """Gives a function that asks for an address of `site` and returns the answer; 500 of a view that failed."""
    parts = urlsplit(site)
    hosts = [*settings.ALLOWED_HOSTS, parts.hostname]
    refusals = logging.getLogger("django.request")  # what answers 410 is a page of the copy, and no fault
    with override_settings(MIDDLEWARE=MIDDLEWARE, ALLOWED_HOSTS=hosts), _quiet(refusals):
        client = Client(HTTP_HOST=parts.netloc, raise_request_exception=False)

        def ask(address: str, copied: Copied) -> Any:
            client.cookies.clear()
            environment: dict[str, Any] = {COPIED: copied}
            return client.get(address, secure=parts.scheme == "https", **environment)

        yield ask


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def policy(site: str) -> str:
    """The content security policy as a page itself can say it: without who may frame it; forms go to `site`."""
    said = dict(settings.CONTENT_SECURITY_POLICY["DIRECTIVES"])
    said.pop("frame-ancestors", None)
    said["form-action"] = [*said["form-action"], site]
    return "; ".join(" ".join([name, *values]) for name, values in said.items())
