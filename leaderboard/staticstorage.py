"""Static files under names that carry their content's hash, so that browsers may keep them for ever."""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from whitenoise.storage import CompressedManifestStaticFilesStorage as Storage

# `import … from "./name.js";` at the start of a line. `import("./name.js")` is fetched when it is needed, not before.
_IMPORT = re.compile(r"""^(?:import|export)\s(?:[^;"]*\sfrom\s)?"(\.{1,2}/[^"]+)";""", re.MULTILINE)
_MODULES = Storage._js_module_import_aggregation_patterns[1]  # type: ignore[attr-defined]  # Django's own


class HashedStaticFilesStorage(Storage):
    """Also rewrites the imports between our own ES modules. (In minified packages, matches are not imports.)"""

    patterns = (
        *Storage.patterns,
        ("leaderboard/*.js", _MODULES),
    )
    # A new name changes every file that imports it, in a later pass if that file came first. In the worst order a
    # chain of imports takes one pass for each of its modules, and Django's five are too few for the charts' chain.
    max_post_process_passes = 20


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
