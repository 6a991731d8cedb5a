"""The static files that a copy's pages need, and those that these need."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage

# `import … from "./name.js"`, `import "./name.js"` and `import("./name.js")` in our own modules.
_IMPORTED = re.compile(r"""\b(?:from|import)\s*\(?\s*["'](\.{1,2}/[^"']+)["']""")
_OF_STYLES = re.compile(r"""url\(\s*["']?(?!data:|#)([^"')#?]+)""")
_OURS = "leaderboard/"


def read_static(names: set[str]) -> dict[str, bytes]:
    """Static files by name, with all that they import. Raises FileNotFoundError, naming one that is not there."""
    found: dict[str, bytes] = {}
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _read(name)
            waiting += _needed_by(name, found[name])
    return dict(sorted(found.items()))


def _needed_by(name: str, content: bytes) -> list[str]:
    pattern = _OF_STYLES if name.endswith(".css") else _IMPORTED
    if not name.endswith((".css", ".js")) or not (name.startswith(_OURS) or pattern is _OF_STYLES):
        return []
    folder = posixpath.dirname(name)
    return [posixpath.normpath(posixpath.join(folder, target)) for target in pattern.findall(content.decode())]


def _read(name: str) -> bytes:
    """As the site serves it; as it is in the source where none were collected."""
    if staticfiles_storage.exists(name):
        with staticfiles_storage.open(name) as file:
            return bytes(file.read())
    path = finders.find(name)
    if path is None:
        raise FileNotFoundError(f"the static file {name} is not there; run manage.py collectstatic")
    return Path(path).read_bytes()
