"""What a copy of the site as files leads to, read by nothing of what writes it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.urls import Resolver404, resolve

OF_ADDRESSES = re.compile(r"(?:href|src|action|poster|data-(?:snapshot|plotly|download|root)|hx-\w+)")
IMPORTED = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.[^"']+)["']""")
OF_STYLES = re.compile(r"url\(\s*[\"']?([^\"')]+)")


class _Read(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str, str]] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.names |= {value for name in ("id", "name") if (value := said.get(name))}
        for name, value in said.items():
            if value and (OF_ADDRESSES.fullmatch(name) or value.startswith("/")) and name != "aria-keyshortcuts":
                self.links += [(tag, name, one) for one in value.split(" ")]
        refreshed = re.search(r"url=(.*)", said.get("content") or "") if said.get("http-equiv") == "refresh" else None
        if refreshed:
            self.links.append((tag, "content", refreshed[1]))


class Links:
    """Every link of the copy in `folder`, and whether it leads to a file of it, or to an address that `site` has."""

    def __init__(self, folder: Path, site: str) -> None:
        self.folder, self.site = folder.resolve(), site
        self.pages = {path: _Read(path.read_text("utf-8")) for path in self.folder.rglob("*.html")}

    def faults(self) -> list[str]:
        """Links that lead nowhere."""
        of_pages = [
            f"{path.relative_to(self.folder)}: <{tag} {name}={link!r}>: {fault}"
            for path, page in self.pages.items()
            for tag, name, link in page.links
            if (fault := self._fault(path, tag, name, link))
        ]
        return of_pages + [
            f"{path.relative_to(self.folder)}: {link!r}"
            for path in [*self.folder.rglob("static/leaderboard/**/*.js"), *self.folder.rglob("*.css")]
            for link in (OF_STYLES if path.suffix == ".css" else IMPORTED).findall(path.read_text("utf-8"))
            if not link.startswith(("data:", "#")) and not (path.parent / link).is_file()
        ]

    def _fault(self, path: Path, tag: str, name: str, link: str) -> str:
        parts = urlsplit(link)
        if parts.scheme in ("http", "https", "mailto", "data"):
            return self._absolute(link, is_fetched=name not in ("href", "action"))
        if parts.scheme or parts.netloc or link.startswith("/"):
            return "is of no copy"
        if tag == "form" and name == "action":
            return "leads to no server"
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if name == "data-root":
            return "" if target == self.folder else "is not the copy's folder"
        if not target.is_file() or not target.is_relative_to(self.folder):
            return "is no file"
        is_named = target not in self.pages or parts.fragment in {"", *self.pages[target].names}
        return "" if is_named else "has no such part"

    def _absolute(self, link: str, *, is_fetched: bool) -> str:
        if is_fetched and not link.startswith("data:"):
            return "is fetched from another host"
        if link.startswith(f"{self.site}/"):
            try:
                resolve(unquote(urlsplit(link).path))
            except Resolver404:
                return "the site has no such address"
        return ""


def texts(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by its path there."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
