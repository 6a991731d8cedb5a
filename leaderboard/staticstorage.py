"""Static files under names that carry their content's hash, so that browsers may keep them for ever."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.base import ContentFile
from rcssmin import cssmin
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage as Storage

# `import … from "./name.js";` at the start of a line. `import("./name.js")` is fetched when it is needed, not before.
_IMPORT = re.compile(r"""^(?:import|export)\s(?:[^;"]*\sfrom\s)?"(\.{1,2}/[^"]+)";""", re.MULTILINE)
_MODULES = Storage._js_module_import_aggregation_patterns[1]  # type: ignore[attr-defined]  # Django's own
# What is ours is written for people to read: comments and indents are a quarter of its compressed bytes. What a
# package brings is served as it comes.
_OURS = "leaderboard/"
_MINIFIERS = {".js": jsmin, ".css": cssmin}


class MinifiedStaticFilesStorage(StaticFilesStorage):
    """Collects our own scripts and styles without comments and indents; the names in them stay."""

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        return super().save(name, _minified(name, content), max_length)


class HashedStaticFilesStorage(Storage):
    """Also gives each file the name of its content, in the imports between our own modules too.

    (In the minified files of packages, what looks like an import is none.)
    """

    patterns = (
        *Storage.patterns,
        ("leaderboard/*.js", _MODULES),
    )
    # A new name changes every file that imports it, in a later pass if that file came first. In the worst order a
    # chain of imports takes one pass for each of its modules, and Django's five are too few for the charts' chain.
    max_post_process_passes = 20

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        return super().save(name, _minified(name, content), max_length)

    def post_process(self, paths: dict[str, Any], *args: Any, **options: Any) -> Iterator[tuple[str, str, Any]]:
        """As in Django, from the files as they were collected: it would read them again where they come from."""
        collected = {name: (self, name) for name in paths}
        yield from super().post_process(collected, *args, **options)  # type: ignore[no-untyped-call]  # whitenoise's


def _minified(name: str | None, content: Any) -> Any:
    """A file that is collected under `name`, minified if it is ours and of a kind that can be."""
    suffix = posixpath.splitext(name or "")[1]
    if name is None or not name.startswith(_OURS) or suffix not in _MINIFIERS:
        return content
    return ContentFile(_MINIFIERS[suffix](content.read().decode()).encode())


@cache
def imported_modules(*names: str) -> tuple[str, ...]:
    """The modules that a browser fetches with the modules `names`: what they import, directly or through another.

    Names of static files, in alphabetical order, without `names` themselves and without what is imported lazily.
    Raises FileNotFoundError if a module imports one that is not there.
    """
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        module = waiting.pop()
        for target in _imports_of(module) - found:
            found.add(target)
            waiting.append(target)
    return tuple(sorted(found - {*names}))


def _imports_of(module: str) -> set[str]:
    path = finders.find(module)
    if path is None:
        raise FileNotFoundError(f"{module} is imported, but no static file has this name")
    folder = posixpath.dirname(module)
    return {posixpath.normpath(posixpath.join(folder, target)) for target in _IMPORT.findall(Path(path).read_text())}
