"""Which tier a test is of. It follows from where its module stands and what that starts, so none is written down."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

TIERS = {
    "live": "starts a whole site with `manage.py up` and drives it from outside",
    "browser": "opens pages of a site in a real Chromium",
    "slow": "loads torch, trains a network, starts programs, or tries thousands of cases",
    "fast": "none of these: what `make test TIER=fast` runs while one works",
}
"""In the order in which they begin: the longest first, so that no process works alone at the end."""

ON_POSTGRESQL = os.environ.get("TEST_DATABASE") == "postgresql"

# torch takes seconds to load, whatever is then done with it; a child with a simulated driver is a program of its own.
_LOADS_TORCH = r"^\s*(?:import torch|from torch|from tests\.measurement\.(?:running|compressing) )"
_STARTS_CHILDREN = r"^from tests\.simulated\.(?:child|trials) "
_SAYS_SO = r"^pytestmark = .*pytest\.mark\.slow"
_SLOW = re.compile(f"{_LOADS_TORCH}|{_STARTS_CHILDREN}|{_SAYS_SO}", re.MULTILINE)
_TESTS = Path(__file__).parent


@cache
def tier_of(module: Path) -> str:
    """A key of TIERS, found without importing the module."""
    folder = module.relative_to(_TESTS).parts[0]
    if folder in TIERS:
        return folder
    return "slow" if _SLOW.search(module.read_text("utf-8")) else "fast"


def other_words(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Of each test of pages every case but the first: other words typed, read and written by the same queries.

    On a second database they would say nothing new. What is sent to the API or done by a service may be new to it.
    """
    seen: set[str] = set()
    found = []
    for item in items:
        if item.path.relative_to(_TESTS).parts[0] != "pages":
            continue
        function = item.nodeid.partition("[")[0]
        if function in seen:
            found.append(item)
        seen.add(function)
    return found


def may_have(module: Path, marks: str) -> bool:
    """Whether a test of this module may be chosen by `-m marks`. Where none can be, not even torch is loaded."""
    if marks in TIERS:
        return tier_of(module) == marks
    if marks != "django_db":
        return True
    text = module.read_text("utf-8")
    # What is verified by torch in the tests' own process is stored by services that other tests ask of a database.
    return "django_db" in text and not (ON_POSTGRESQL and re.search(_LOADS_TORCH, text, re.MULTILINE))
