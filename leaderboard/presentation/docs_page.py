"""Pages of docs/ as HTML, so that the site and the repository have the same text.

The text is our own file, and its HTML is switched off: what comes out is made of the tokens below alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from leaderboard.configuration import BASE_DIR
from leaderboard.domain.energy import ONE_TIME_PHASES
from leaderboard.models import Provenance

METHODOLOGY = BASE_DIR / "docs" / "methodology.md"
PHASES = (*ONE_TIME_PHASES, "inference", "evaluate")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the second level, and its anchor on the page."""

    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page as HTML, its sections in order. `opening` is the part above the first section."""

    opening: SafeString
    html: SafeString
    sections: tuple[Section, ...]


def read_page(path: Path = METHODOLOGY) -> Page:
    """The page at `path`, rendered once for each version of the file."""
    return _render(path, path.stat().st_mtime_ns)


def anchor_of(heading: str) -> str:
    """The anchor that code hosts give a heading, so that a link works on both."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())


@lru_cache(maxsize=4)
def _render(path: Path, changed_ns: int) -> Page:
    """The file's time of change is part of the cache's key alone."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("fence", _fence)
    tokens = markdown.parse(path.read_text("utf-8"))
    sections = tuple(_anchored(tokens))
    _styled(tokens)
    for token in tokens:
        if token.children:
            token.children = list(_linked(token.children, path.name))
    first = next((number for number, token in enumerate(tokens) if token.tag == "h2"), len(tokens))
    # Safe: HTML in the text is escaped, and the addresses are http, https and anchors alone (see _linked).
    opening, html = (
        mark_safe(markdown.renderer.render(part, markdown.options, {}))  # noqa: S308
        for part in (tokens[:first], tokens[first:])
    )
    return Page(opening, html, sections)


def _anchored(tokens: Sequence[Token]) -> Iterator[Section]:
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        title = "".join(child.content for child in inline.children or ())
        opening.attrSet("id", anchor_of(title))
        if opening.tag == "h2":
            yield Section(anchor_of(title), title)


def _fence(_: object, tokens: Sequence[Token], number: int, *__: object) -> str:
    """A formula or command; it scrolls on its own and takes the keyboard focus."""
    return format_html('<pre class="formula" tabindex="0"><code>{}</code></pre>\n', tokens[number].content)


def _styled(tokens: Sequence[Token]) -> None:
    """The site's classes for tables, which become cards on a phone."""
    heads: list[str] = []
    for number, token in enumerate(tokens):
        inline = tokens[number + 1] if number + 1 < len(tokens) else token
        if token.type == "table_open":
            heads = []
            token.attrSet("class", "cards")
        elif token.type == "th_open":
            heads.append(inline.content)
            if inline.content:
                token.attrSet("scope", "col")
            else:
                token.tag = tokens[number + 2].tag = "td"
        elif token.type == "td_open":
            _styled_cell(tokens, number, heads)


def _styled_cell(tokens: Sequence[Token], number: int, heads: Sequence[str]) -> None:
    opening, inline, closing = tokens[number : number + 3]
    column = sum(token.type == "td_open" for token in _row_until(tokens, number))
    if column:
        if heads[column]:
            opening.attrSet("data-label", heads[column].replace("`", ""))
        return
    opening.tag = closing.tag = "th"
    opening.attrSet("scope", "row")
    for child in inline.children or ():
        if child.type == "code_inline" and child.content in Provenance.values:
            child.attrSet("class", f"provenance provenance-{child.content}")
    first = next(iter(inline.children or ()), None)
    if first is not None and first.type == "code_inline" and first.content in PHASES:
        swatch = Token("swatch_open", "i", 1, attrs={"class": f"swatch phase-{first.content}", "aria-hidden": "true"})
        inline.children = [swatch, Token("swatch_close", "i", -1), *(inline.children or ())]


def _row_until(tokens: Sequence[Token], number: int) -> Iterator[Token]:
    while tokens[number].type != "tr_open":
        number -= 1
        yield tokens[number]


def _linked(children: Sequence[Token], page: str) -> Iterator[Token]:
    """Links to the page itself become anchors; those to files that the site does not serve become their text."""
    dropping = False
    for child in children:
        if child.type == "link_open":
            href = str(child.attrGet("href") or "").removeprefix(page)
            dropping = not href.startswith(("http://", "https://", "#"))
            child.attrSet("href", href)
        is_link = child.type in ("link_open", "link_close")
        if not (is_link and dropping) and child.type != "image":
            yield child
