"""The documentation as the site serves it: its pages in order, a search over them, links from messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from leaderboard.presentation.docs_page import DOCS, PAGE_SUFFIXES, Page, Passage, address_of, read_page

GROUPS = {
    "The figures": ("methodology", "board-in-a-notebook", "catalogue", "pages", "api"),
    "Submitting": (
        "submitting",
        "recipes",
        "own-models",
        "artifacts",
        "after-submitting",
        "notices",
        "tracks",
        "architectures",
    ),
    "Running it": (
        "command-line",
        "operating",
        "administering",
        "workers",
        "deployment",
        "backup",
        "monitoring",
        "settings",
        "threat-model",
        "benchmarks",
    ),
}
"""Pages by what a reader wants, in order. One that is not named here comes last."""

MOST_RESULTS = 40
MOST_CHARACTERS = 200
EXCERPT_BEFORE, EXCERPT = 60, 240
_NAMED = re.compile(r"docs/([\w-]+)\.(?:md|ipynb)(#[\w-]+)?")


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of docs/ and where the site serves it."""

    name: str
    path: Path
    address: str

    @property
    def page(self) -> Page:
        return read_page(self.path)


@dataclass(frozen=True, slots=True)
class Result:
    """A section in which something was found. `excerpt` has the words marked."""

    address: str
    page: str
    section: str
    excerpt: SafeString


def pages() -> dict[str, Listed]:
    """Every page there is, by its file's name without the suffix."""
    found = sorted(path for path in DOCS.glob("*") if path.suffix in PAGE_SUFFIXES)
    return {path.stem: Listed(path.stem, path, address_of(path.stem)) for path in found}


def grouped() -> list[tuple[str, list[Listed]]]:
    """The pages under what a reader wants."""
    there = pages()
    groups = [(wish, [there.pop(name) for name in names if name in there]) for wish, names in GROUPS.items()]
    return [(wish, found) for wish, found in [*groups, ("More", list(there.values()))] if found]


def search(question: str) -> list[Result]:
    """Sections that have every word of `question`: in their heading first, then in one paragraph, then anywhere."""
    words = question[:MOST_CHARACTERS].lower().split()
    if not words:
        return []
    sections = [(listed, passage) for _, group in grouped() for listed in group for passage in listed.page.passages]
    fits = [(_fit(words, listed.page.title, passage), listed, passage) for listed, passage in sections]
    found = [(fit, listed, passage) for fit, listed, passage in fits if fit is not None]
    found.sort(key=lambda item: item[0])
    return [
        Result(
            f"{listed.address}#{passage.anchor}",
            listed.page.title,
            passage.title,
            _excerpt(_telling(words, passage), words),
        )
        for _, listed, passage in found
    ]


def _fit(words: Sequence[str], title: str, passage: Passage) -> tuple[int, int] | None:
    """How well the passage fits, the least best; None if it lacks a word. `title` is that of its page."""
    in_heading = _number_of(words, passage.title)
    if in_heading == len(words):
        return 0, 0
    if _number_of(words, title) < len(words) and _has_all(words, title, passage.title, _telling(words, passage)):
        return 1, -in_heading
    return (2, -in_heading) if _has_all(words, passage.title, *passage.blocks) else None


def _telling(words: Sequence[str], passage: Passage) -> str:
    """The first of its blocks that have most of the words."""
    return max(passage.blocks, key=lambda block: _number_of(words, block), default="")


def _number_of(words: Sequence[str], text: str) -> int:
    found = text.lower()
    return sum(word in found for word in words)


def _has_all(words: Sequence[str], *texts: str) -> bool:
    return _number_of(words, "\n".join(texts)) == len(words)


def _excerpt(block: str, words: Sequence[str]) -> SafeString:
    """Some of the block around its first match, every match marked."""
    pattern = re.compile("(" + "|".join(map(re.escape, words)) + ")", re.IGNORECASE)
    first = pattern.search(block)
    start = max(0, (first.start() if first else 0) - EXCERPT_BEFORE)
    if start:
        start = block.find(" ", start) + 1
    shown = block[start : start + EXCERPT]
    parts = [
        format_html("<mark>{}</mark>" if odd % 2 else "{}", part) for odd, part in enumerate(pattern.split(shown))
    ]
    text = "".join(("… " if start else "", *parts, " …" if start + EXCERPT < len(block) else ""))
    return mark_safe(text)  # noqa: S308 - of escaped parts


def with_links(text: str) -> SafeString:
    """A message in which each page of docs/ that it names is a link to that page."""
    there = pages()
    parts: list[str] = []
    end = 0
    message = conditional_escape(text)
    for named in _NAMED.finditer(message):
        if named[1] in there:
            link = format_html('<a href="{}{}">{}</a>', there[named[1]].address, named[2] or "", named[0])
            parts += [message[end : named.start()], link]
            end = named.end()
    return mark_safe("".join((*parts, message[end:])))  # noqa: S308 - of escaped parts
