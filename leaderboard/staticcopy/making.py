"""Writes a copy of the site into a folder, whole or not at all."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string

from leaderboard import queries
from leaderboard.staticcopy.addresses import Page, file_of, pages, read_content
from leaderboard.staticcopy.asking import Copied, asking, policy
from leaderboard.staticcopy.boards import group_of
from leaderboard.staticcopy.links import STATIC, Links, linked
from leaderboard.staticcopy.statics import read_static
from leaderboard.transfer.folder import Format, Writing, writing
from measurement import __version__

COPY = Format("full-cycle-energy-copy", 1, "a copy of a site", "export_static", "export it again")
FAR = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND)
Progress = Callable[[str, int], object]


class Unanswered(Exception):
    """The site did not answer for an address. The message names it."""


def make_copy(folder: Path, *, site: str, base: str, on: date, begin: Callable[[int], Progress]) -> dict[str, Any]:
    """Write the copy of `site` on a day, in place of an earlier one. Returns how many pages and files it has.

    base: where the copy will lie, for pictures of links. begin: gets the number of pages, gives what counts them.
    Raises BadFolder, OSError and Unanswered.
    """
    with (
        writing(folder, f"full-cycle-energy-leaderboard {__version__}", COPY, replaces=True) as made,
        queries.snapshot(),
    ):
        made.facts |= {"site": site, "exported_at": on.isoformat()}
        content = read_content()
        wanted = sorted(
            pages(content), key=lambda page: not page.may_lack
        )  # so that no link leads to what is lacking
        links = Links(wanted, content.boards, site, base)
        boards = [
            (*group_of(board).values(), file_of("leaderboard", board, content.boards))
            for board in content.boards.every
        ]
        copying = _Copying(made, links, boards, site, on)
        count = begin(len(wanted))
        with asking(site) as ask:
            for page in wanted:
                copying.take(page, ask)
                count(page.name, 1)
        for name, static in read_static(links.static).items():
            copying.write(STATIC + name, static)
    return {"pages": len([name for name in made.files if name.endswith(".html")]), "files": len(made.files)}


class _Copying:
    """Takes page after page into the copy."""

    def __init__(self, made: Writing, links: Links, boards: list[tuple[str, ...]], site: str, on: date) -> None:
        self._made, self._links, self._boards, self._site, self._on = made, links, boards, site, on
        self._policy = policy(site)

    def take(self, page: Page, ask: Callable[[str, Copied], Any]) -> None:
        """Ask for a page and write the answer, if there is one."""
        copied = self._told(page)
        answer = ask(page.address, copied)
        if answer.status_code in FAR:
            self.write(page.file, self._moved(page, answer["Location"], copied))
        elif answer.status_code == HTTPStatus.NOT_FOUND and page.may_lack:
            self._links.forget(page)
        elif answer.status_code not in (HTTPStatus.OK, HTTPStatus.GONE):
            raise Unanswered(f"{page.address}: the site answers {answer.status_code}, where a copy needs a page")
        else:
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            is_page = answer["Content-Type"].startswith("text/html")
            self.write(page.file, linked(body.decode(), page, self._links).encode() if is_page else body)

    def write(self, name: str, content: bytes) -> None:
        """A file of the copy."""
        with self._made.file(name) as file:
            file.write(content)

    def _told(self, page: Page) -> Copied:
        root = posixpath.relpath(".", posixpath.dirname(page.file) or ".")
        return Copied(self._on, self._site, self._site + page.address, root, self._policy, self._boards)

    def _moved(self, page: Page, to: str, copied: Copied) -> bytes:
        """A page that leads to another; a file server can't."""
        context = {"to": self._links.of(page, to), "copied": copied}
        return render_to_string("leaderboard/moved.html", context).encode()
