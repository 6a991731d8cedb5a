"""Pages of docs/ as HTML and as text to search, so that the site and the repository have the same text.

The text is our own file, and its HTML is switched off: what comes out is made of the tokens below alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from leaderboard.configuration import BASE_DIR
from leaderboard.domain.energy import ONE_TIME_PHASES
from leaderboard.models import Provenance

DOCS = BASE_DIR / "docs"
PAGE_SUFFIXES = (".md", ".ipynb")
METHODOLOGY = DOCS / "methodology.md"
COLUMNS_THAT_SCROLL = 5
PURPOSE = "What this page is for: "
PHASES = (*ONE_TIME_PHASES, "inference", "evaluate")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the second level, and its anchor on the page."""

    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class Passage:
    """The text under one heading: its paragraphs, rows of tables and blocks of code."""

    anchor: str
    title: str
    blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page as HTML, its sections in order. `opening` is the part above the first section."""

    title: str
    opening: SafeString
    html: SafeString
    sections: tuple[Section, ...]
    passages: tuple[Passage, ...]

    @property
    def purpose(self) -> str:
        """What the page is for: the sentence that says so, else the first paragraph."""
        first = next((block for passage in self.passages for block in passage.blocks), "")
        if not first.startswith(PURPOSE):
            return first
        said = first.removeprefix(PURPOSE).partition(". ")[0].rstrip(".")
        return f"{said[:1].upper()}{said[1:]}."


def read_page(path: Path = METHODOLOGY) -> Page:
    """The page at `path`, Markdown or a notebook, rendered once for each version of the file."""
    return _render(path, path.stat().st_mtime_ns, settings.SOURCE_CODE)


def address_of(name: str) -> str:
    """Where the site serves the page `name` of docs/, such as `recipes`."""
    return reverse("methodology") if name == METHODOLOGY.stem else reverse("documentation-page", args=[name])


def anchor_of(heading: str) -> str:
    """The anchor that code hosts give a heading, so that a link works on both."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower().strip()))


@lru_cache(maxsize=64)
def _render(path: Path, changed_ns: int, source_code: str) -> Page:
    """The file's time of change is part of the cache's key alone."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("fence", _fence)
    markdown.add_render_rule("code_block", _fence)
    markdown.add_render_rule("table_open", _table_open)
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = markdown.parse(_text_of(path))
    headings = list(_anchored(tokens))
    passages = tuple(_passages(tokens))
    _styled(tokens)
    for token in tokens:
        if token.children:
            token.children = list(_linked(token.children, path, source_code))
    first = next((number for number, token in enumerate(tokens) if token.tag == "h2"), len(tokens))
    # Safe: HTML in the text is escaped, and the addresses are http, https, anchors and the site's own (see _target).
    opening, html = (
        mark_safe(markdown.renderer.render(part, markdown.options, {}))  # noqa: S308
        for part in (tokens[:first], tokens[first:])
    )
    sections = tuple(section for tag, section in headings if tag == "h2")
    title = next((section.title for tag, section in headings if tag == "h1"), path.stem)
    return Page(title, opening, html, sections, passages)


def _text_of(path: Path) -> str:
    """The file as Markdown; a notebook's cells of code become fenced blocks."""
    text = path.read_text("utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(f"```python\n{source}\n```" if kind == "code" else source for kind, source in cells)


def _anchored(tokens: Sequence[Token]) -> Iterator[tuple[str, Section]]:
    """Gives every heading its anchor; one that comes again is numbered, as code hosts do."""
    given: dict[str, int] = {}
    for number, opening in enumerate(tokens):
        if opening.type != "heading_open":
            continue
        title = _plain(tokens[number + 1])
        anchor = anchor_of(title)
        given[anchor] = given.get(anchor, -1) + 1
        if given[anchor]:
            anchor = f"{anchor}-{given[anchor]}"
        opening.attrSet("id", anchor)
        yield opening.tag, Section(anchor, title)


def _plain(inline: Token) -> str:
    """A paragraph's or heading's words, without markup."""
    children = inline.children or ()
    return "".join(" " if child.type in ("softbreak", "hardbreak") else child.content for child in children)


def _passages(tokens: Sequence[Token]) -> Iterator[Passage]:
    """The text under each heading; the cells of a table's row are one block."""
    anchor, title, blocks, row = "", "", list[str](), list[str]()
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            if anchor:
                yield Passage(anchor, title, tuple(blocks))
            anchor, title, blocks = str(token.attrGet("id")), _plain(tokens[number + 1]), []
        elif token.type in ("fence", "code_block"):
            blocks.append(token.content)
        elif token.type == "tr_close":
            blocks.append(" · ".join(cell for cell in row if cell))
            row = []
        elif token.type == "inline" and tokens[number - 1].type in ("td_open", "th_open"):
            row.append(_plain(token))
        elif token.type == "inline" and tokens[number - 1].type != "heading_open":
            blocks.append(_plain(token))
    if anchor:
        yield Passage(anchor, title, tuple(blocks))


def _fence(_: object, tokens: Sequence[Token], number: int, *__: object) -> str:
    """A formula or command; it scrolls on its own and takes the keyboard focus."""
    return format_html('<pre class="formula" tabindex="0"><code>{}</code></pre>\n', tokens[number].content)


def _table_open(_: object, tokens: Sequence[Token], number: int, *__: object) -> str:
    """A table scrolls in a box of its own; one of many columns, which will, takes the keyboard focus."""
    head = next(number + past for past, token in enumerate(tokens[number:]) if token.type == "thead_close")
    columns = sum(token.type == "th_open" for token in tokens[number:head])
    focus = ' tabindex="0" role="group" aria-label="Wide table"' if columns >= COLUMNS_THAT_SCROLL else ""
    return f'<div class="scroll"{focus}><table class="cards">\n'


def _styled(tokens: Sequence[Token]) -> None:
    """The site's classes for tables, which become cards on a phone."""
    heads: list[str] = []
    for number, token in enumerate(tokens):
        inline = tokens[number + 1] if number + 1 < len(tokens) else token
        if "style" in token.attrs:  # the one style there is aligns a column
            is_number = token.attrs.pop("style") == "text-align:right"
            token.attrs |= {"class": "number"} if is_number else {}
        if token.type == "table_open":
            heads = []
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


def _linked(children: Sequence[Token], page: Path, source_code: str) -> Iterator[Token]:
    """Links lead to the site's own pages or to the source code; those that lead nowhere become their text."""
    dropping = False
    for child in children:
        if child.type == "link_open":
            href = _target(str(child.attrGet("href") or ""), page, source_code)
            dropping = not href
            child.attrSet("href", href)
        is_link = child.type in ("link_open", "link_close")
        if not (is_link and dropping) and child.type != "image":
            yield child


def _target(href: str, page: Path, source_code: str) -> str:
    """Where a link of `page` leads on the site; empty if nowhere."""
    if href.startswith(("http://", "https://", "#")):
        return href
    path, sign, anchor = href.partition("#")
    target = (page.parent / path).resolve()
    if target == page:
        is_file = page.suffix == ".ipynb" and not anchor
        return reverse("documentation-notebook", args=[page.stem]) if is_file else sign + anchor
    if target == DOCS / "openapi.yaml":
        return reverse("api-schema")
    if target.parent == DOCS and target.suffix in PAGE_SUFFIXES and target.exists():
        return address_of(target.stem) + sign + anchor
    if source_code and target.is_relative_to(BASE_DIR):
        return f"{source_code}/blob/HEAD/{target.relative_to(BASE_DIR)}{sign}{anchor}"
    return ""
