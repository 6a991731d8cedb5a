"""CONTRIBUTING.md has a line for every folder, each folder says what it holds, and few modules lie loose."""

import ast
import re
import subprocess

import pytest

from tests.docs.reading import ROOT, text_of

MAP = text_of(ROOT / "CONTRIBUTING.md")
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
PACKAGES = sorted(
    path for path in TRACKED if path.endswith("/__init__.py") and path.startswith(("leaderboard/", "measurement/"))
)
ROOMS = [path.removesuffix("__init__.py") for path in PACKAGES if path.count("/") == 2]
LOOSE = {"leaderboard": 16, "measurement": 12}


@pytest.mark.parametrize(
    "room", [*ROOMS, "catalogue/", "static/leaderboard/", "templates/", "recipes/", "docs/", "tests/", "bench/"]
)
def test_every_room_is_on_the_map(room):
    assert f"| `{room}` |" in MAP


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_says_what_it_holds(package):
    said = ast.get_docstring(ast.parse(text_of(ROOT / package)))
    assert said, f"{package} has no docstring"
    assert said.split("\n")[0].endswith("."), f"{package}: the first line is a sentence"


@pytest.mark.parametrize(("package", "most"), LOOSE.items())
def test_few_modules_lie_loose(package, most):
    loose = [path for path in TRACKED if re.fullmatch(rf"{package}/\w+\.py", path)]
    assert len(loose) <= most, sorted(loose)


def test_what_the_map_names_is_there():
    named = re.findall(r"`((?:leaderboard|measurement|tests|static|templates|docs|recipes)/[\w./-]+)`", MAP)
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []
