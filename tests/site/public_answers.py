"""Every public answer of a site, as anybody gets it: each address, of each thing that it can be of, and links."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from django.test import Client

from leaderboard.models import Artifact, Board, Entry, Measurement, Run, Submission
from tests.site.walking import Address, every_address, table

# What differs between two answers to the same question of the same site.
OF_NOW = re.compile(  # the token against forged requests has a new mask each time
    r'(?<=name="csrfmiddlewaretoken" value=")\w+|(?<=\["X-CSRFTOKEN"\] = ")\w+'
)
HEADERS_OF_NOW = {"x-request-id", "x-correlation-id", "date", "expires"}
# Counts of requests, and whether disk and broker are well, are of the process and its machine.
OF_THE_PROCESS = {"metrics", "readyz"}
MOST_QUESTIONS = 2
QUERIES = {"api-leaderboard-range": "?n_from=1e4&n_to=1e8"}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def links_of(text: str) -> list[str]:
    """What a page of HTML leads to."""
    parser = _Links()
    parser.feed(text)
    return parser.found


def public_answers() -> dict[str, tuple[int, dict[str, str], bytes]]:
    """Status, headers and body by address."""
    client, waiting = Client(), sorted(_first())
    found: dict[str, tuple[int, dict[str, str], bytes]] = {}
    while waiting:
        address = waiting.pop()
        if address in found or _is_asked_enough(address, found):
            continue
        answer: Any = client.get(address)
        client.cookies.clear()
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        headers = {name.lower(): value for name, value in answer.items() if name.lower() not in HEADERS_OF_NOW}
        kind = answer.get("Content-Type", "")
        if kind.startswith("text/html") or "javascript" in kind:
            text = OF_NOW.sub("…", body.decode())
            waiting += filter(None, (_inside(address, link) for link in links_of(text)))
            body = text.encode()
        found[address] = (answer.status_code, headers, body)
    return found


def _is_asked_enough(address: str, found: Iterable[str]) -> bool:
    """Boards link to a question for each column, row and choice: the first of each address stand for them."""
    path, asked, _ = address.partition("?")
    return bool(asked) and sum(other.partition("?")[0] == path for other in found) > MOST_QUESTIONS


def _inside(page: str, link: str) -> str | None:
    """The address of a link that stays in the site; static files and sign-in pages with a way back are left out."""
    parts = urlsplit(urljoin(f"http://testserver{page}", urldefrag(link).url))
    if parts.netloc != "testserver" or parts.path.startswith(("/static/", "/accounts/", "/admin/")):
        return None
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _first() -> list[str]:
    public = {
        name for (name, method), row in table().items() if method == "GET" and row.answers["anonymous"][0] == "2"
    }
    return [
        address.path(values) + QUERIES.get(address.name, "")
        for address in every_address()
        if address.name in public - OF_THE_PROCESS
        for values in _each(address)
    ]


def _each(address: Address) -> list[dict[str, Any]]:
    """What can stand in its parts."""
    if "unsubscribe" in address.name or "key" in address.route:
        return []
    if "sha256" in address.route:
        return [{"sha256": each.sha256} for each in Measurement.objects.all()]
    if "<slug:name>" in address.route:
        return [{"name": "board-in-a-notebook" if "ipynb" in address.route else "api"}]
    if "pk" not in address.route:
        return [{}]
    kinds = {"submission": Submission, "run": Run, "artifact": Artifact, "board": Board, "entry": Entry}
    kind = next(model for name, model in kinds.items() if name in address.name)
    return [{"pk": pk} for pk in kind._default_manager.values_list("pk", flat=True)]


def differences(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The addresses whose answers differ, each with the first place where they do."""
    found = []
    for address in sorted(before.keys() | after.keys()):
        one, other = before.get(address), after.get(address)
        if one == other:
            continue
        if one is None or other is None or one[:2] != other[:2]:
            found.append(f"{address}: {one and one[:2]} != {other and other[:2]}")
            continue
        at = next((n for n, pair in enumerate(zip(one[2], other[2], strict=False)) if pair[0] != pair[1]), -1)
        found.append(f"{address}: {one[2][at - 60 : at + 40]!r} != {other[2][at - 60 : at + 40]!r}")
    return "\n".join(found)
