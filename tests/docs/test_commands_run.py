"""Commands on the pages are real: the quick ones run, the others name targets, options and files that exist."""

import json
import shutil
import subprocess
import sys

import pytest
from django.core.management import get_commands

from measurement.__main__ import _parser
from tests.docs.reading import README, ROOT, all_commands, blocks, measurement_commands

QUICK = ("doctor", "schema", "validate", "integrate")
MEASUREMENT = sorted(set(measurement_commands()), key=str)
TRACE = "timestamp_s,power_w\n0,10\n1,20\n2,20\n"


@pytest.mark.parametrize("command", MEASUREMENT, ids=str)
def test_measurement_command_is_understood(command):
    assert _parser().parse_args(command.words)
    assert all((ROOT / word).exists() for word in command.words if word.startswith("recipes/"))


@pytest.mark.parametrize("name", QUICK)
def test_quick_command_runs(name, tmp_path):
    """Of README and docs/ together, each quick command once, an own trace in place of one that takes minutes."""
    words = next((found.words for found in MEASUREMENT if found.words[0] == name), (name,))
    (tmp_path / "trace.csv").write_text(TRACE)
    if name == "integrate":
        words = (name, str(tmp_path / "trace.csv"))
    done = subprocess.run([sys.executable, "-m", "measurement", *words], cwd=ROOT, capture_output=True, text=True)  # noqa: PLW1510
    assert done.returncode == 0, done.stderr
    assert done.stdout
    if name == "integrate":
        assert done.stdout.startswith("30 J over 2 s")
    if name == "schema":
        assert json.loads(done.stdout)["title"] == "Recipe"


MAKE = sorted({command.words[1] for command in all_commands() if command.words[0] == "make"})


@pytest.mark.parametrize("target", [*MAKE, "help"])
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_target_is_there(target):
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)  # noqa: PLW1510
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_alone_helps():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(f"make {target}" in done.stdout for target in ("run", "test", "check", "bench"))


DJANGO = sorted({command.words[2] for command in all_commands() if command.words[1:2] == ("manage.py",)})


@pytest.mark.parametrize("name", DJANGO)
def test_management_command_is_there(name):
    assert name in get_commands()


def test_readme_shows_the_way_in():
    first = blocks(README, "sh")[0]
    assert "make run" in first
    assert len(first.strip().splitlines()) == 2
