"""Where a link of the site leads in its copy: to the file that has the answer, else to the living site."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from html import escape
from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from django.conf import settings
from django.urls import reverse

from leaderboard.staticcopy.addresses import OF_BOARDS, Page, file_of
from leaderboard.staticcopy.boards import GROUP, Boards

IN_TAGS = frozenset({"href", "src", "poster"})
"""Attributes with an address. What a script reads has one, or several with spaces between, if it begins with "/"."""
# What the site takes where an address says nothing.
USUAL = frozenset({("usage_intensity", "1000000"), ("shared_by", "1"), ("accuracy_weight", "1")})
STATIC = "static/"


class Links:
    """The links of a copy of `site`. base: where the copy will be, for what must be absolute; "": somewhere.

    `static`: the static files that links have led to, as names.
    """

    def __init__(self, pages: Iterable[Page], boards: Boards, site: str, base: str) -> None:
        self.site, self.base, self.static = site, base, set[str]()
        self._boards = boards
        self._files = {_key(page): page.file for page in pages}
        self._of_boards = {reverse(name): name for name in OF_BOARDS}

    def forget(self, page: Page) -> None:
        """The site had no answer for this page."""
        del self._files[_key(page)]

    def of(self, page: Page, link: str) -> str:
        """A link of `page` as the copy has it: relative, or to the living site, or as it was if it led elsewhere."""
        if not link or link.startswith("#"):
            return link
        parts = urlsplit(urljoin(page.address, link))
        if parts.scheme or parts.netloc:
            return link
        file, query = self.find(parts.path, parts.query)
        if file is None:
            return self.living(page, link)
        relative = posixpath.relpath(file, posixpath.dirname(page.file) or ".")
        return parts._replace(path=quote(relative), query=query).geturl()

    def living(self, page: Page, link: str) -> str:
        """The same on the living site."""
        return self.site + urljoin(page.address, link)

    def picture(self, address: str) -> str:
        """The picture of a link to a page, which other sites fetch: absolute."""
        parts = urlsplit(address)
        file, _ = self.find(parts.path, parts.query)
        return f"{self.base}{quote(file)}" if self.base and file else address

    def find(self, path: str, query: str) -> tuple[str | None, str]:
        """The file that answers an address, and the parameters that are left for the page's script."""
        if path.startswith(settings.STATIC_URL):
            name = path.removeprefix(settings.STATIC_URL)
            self.static.add(name)
            return STATIC + name, ""
        asked = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair not in USUAL]
        file = self._files.get((path, frozenset(asked)))
        if file is not None:
            return file, ""
        return self._of_a_board(path, asked)

    def _of_a_board(self, path: str, asked: list[tuple[str, str]]) -> tuple[str | None, str]:
        """The same where an address names a part of a group; a board's page has a script that takes what is left."""
        name = self._of_boards.get(path)
        group = {key: value for key, value in asked if key in GROUP}
        left = [pair for pair in asked if pair[0] not in GROUP]
        board = self._boards.find(group) if name else None
        # Without the script a second page would be the first again.
        is_elsewhere = (left and path != "/") or any(key == "page" for key, _ in left)
        if name is None or board is None or is_elsewhere:
            return None, ""
        file = self._files.get((path, frozenset())) if not group else None
        return file or file_of(name, board, self._boards), urlencode(left)


def _key(page: Page) -> tuple[str, frozenset[tuple[str, str]]]:
    return page.path, frozenset(page.parameters)


def linked(text: str, page: Page, links: Links) -> str:
    """A page of HTML with the links of the copy; byte for byte the same in everything else.

    Forms lead to the living site: a file server answers none.
    """
    reader = _Tags(text)
    reader.feed(text)
    reader.close()
    pieces, done = [], 0
    for start, raw, tag, attributes in reader.found:
        changed = _changed(tag, attributes, page, links)
        if changed != attributes:
            pieces += [text[done:start], _written(tag, changed, is_closed=raw.endswith("/>"))]
            done = start + len(raw)
    return "".join([*pieces, text[done:]])


Attributes = list[tuple[str, str | None]]


def _changed(tag: str, attributes: Attributes, page: Page, links: Links) -> Attributes:
    given = dict(attributes)
    if tag == "meta":
        picture = given.get("property") == "og:image"
        return [
            (name, links.picture(value) if picture and name == "content" and value else value)
            for name, value in attributes
        ]
    if tag == "form":
        others = [(name, value) for name, value in attributes if name != "action"]
        attributes = [*others, ("action", links.living(page, given.get("action") or page.address))]
    return [(name, _led(name, value, page, links) if value else value) for name, value in attributes]


def _led(name: str, value: str, page: Page, links: Links) -> str:
    if name in IN_TAGS:
        return links.of(page, value)
    is_of_script = name.startswith("data-") and value.startswith("/")
    return " ".join(links.of(page, one) for one in value.split(" ")) if is_of_script else value


def _written(tag: str, attributes: Attributes, *, is_closed: bool) -> str:
    said = "".join(f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in attributes)
    return f"<{tag}{said}{'/' if is_closed else ''}>"


class _Tags(HTMLParser):
    """Finds where each tag begins, its text, and its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[int, str, str, Attributes]] = []
        self._lines = [0]
        for line in text.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        line, column = self.getpos()
        self.found.append((self._lines[line - 1] + column, self.get_starttag_text() or "", tag, attrs))
