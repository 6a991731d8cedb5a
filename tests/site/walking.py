"""Every address of the site, read from the resolver, and the table of who may do what there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

API_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PAGE_METHODS = ("GET", "POST")
ROLES = ("anonymous", "stranger", "owner", "administrator")
TABLE = Path(__file__).with_name("permissions.txt")


@dataclass(frozen=True)
class Address:
    """A route as `urls.py` writes it, and its name; that of the admin's last, which takes the rest, is `rest`."""

    route: str
    name: str

    @property
    def methods(self) -> tuple[str, ...]:
        """Those that are tried."""
        return API_METHODS if self.route.startswith("/api/v1") else PAGE_METHODS

    def path(self, values: dict[str, Any]) -> str:
        """With a value for each of its parts, by the part's name."""

        def value(part: re.Match[str]) -> str:
            return str(values[part[1]])

        filled = re.sub(r"\(\?P<(\w+)>(?:\[[^]]*\]|[^()])*\)", value, self.route)
        filled = re.sub(r"<(?:\w+:)?(\w+)>", value, filled)
        return re.sub(r"[\^$]|\\Z|\(/\[.*\)\?", "", filled)


def every_address() -> list[Address]:
    """In the order of `urls.py`."""
    return list(_walk(get_resolver(), "/", ""))


def _walk(resolver: URLResolver, before: str, space: str) -> Iterator[Address]:
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, route, f"{pattern.namespace}:" if pattern.namespace else space)
        elif isinstance(pattern, URLPattern):
            yield Address(route, space + (pattern.name or "rest"))


@dataclass(frozen=True)
class Row:
    """What each role gets, as a status or `login`; and the acts that the log then has of an administrator."""

    answers: dict[str, str]
    logged: str


def table() -> dict[tuple[str, str], Row]:
    """By name of an address and method."""
    lines = [line.split() for line in TABLE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    rows = {}
    for name, method, *answers, logged in lines:
        assert len(answers) == len(ROLES), (name, method)
        assert (name, method) not in rows, f"{name} {method} is there twice"
        rows[name, method] = Row(dict(zip(ROLES, answers, strict=True)), logged)
    return rows
