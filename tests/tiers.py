"""Which tier a test is of. It follows from where its module stands and what that starts, so none is written down."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

TIERS = {
    "live": "starts a whole site with `manage.py up` and drives it from outside",
    "browser": "opens pages of a site in a real Chromium",
    "slow": "loads torch, trains a network, starts programs, or tries thousands of cases",
    "fast": "none of these: what `make test TIER=fast` runs while one works",
}
"""In the order in which they begin: the longest first, so that no process works alone at the end."""

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


def may_have(module: Path, marks: str) -> bool:
    """Whether a test of this module may be chosen by `-m marks`. Where none can be, not even torch is loaded."""
    if marks in TIERS:
        return tier_of(module) == marks
    return marks != "django_db" or "django_db" in module.read_text("utf-8")
