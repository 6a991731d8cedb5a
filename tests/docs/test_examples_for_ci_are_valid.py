"""Workflows in docs/examples/ are what the service's schema says, and call the client as it is."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest
import yaml

from measurement.__main__ import _parser
from measurement.submission.command import TOKEN_VARIABLE
from tests.docs.reading import DOCS

WORKFLOWS = sorted((DOCS / "examples").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_is_valid(path):
    words = ["--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_calls_the_client(path):
    (job,) = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    (step,) = [step for step in job["steps"] if "measurement submit" in step.get("run", "")]
    words = shlex.split(step["run"])
    assert words[:3] == ["python", "-m", "measurement"]
    assert _parser().parse_args(words[3:]).wait
    assert list(step["env"]) == [TOKEN_VARIABLE]
    assert "secrets." in step["env"][TOKEN_VARIABLE]
