"""A run that is stopped, starved or orphaned ends soon, with a reason, and leaves no record."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from measurement.events import Failed, PhaseStarted, parse_event
from tests.loaded import loaded_python
from tests.measurement.running import ROOT, TRAIN, environment, measurement, tiny_document
from tests.waiting import HANG_S


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A recipe that would train for hours."""
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(tiny_document(TRAIN | {"epochs": 10_000, "batch_size": 16})))
    return recipe


@pytest.fixture(params=[True, False], ids=["leads its group", "in another's group"])
def running(request: pytest.FixtureRequest, endless: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """That recipe's run, in its training."""
    process = subprocess.Popen(
        [
            *loaded_python(),
            "-m",
            "measurement",
            "run",
            endless,
            "--out",
            tmp_path / "out",
            "--events",
            "--watch-stdin",
        ],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=request.param,
    )
    assert process.stdout
    for line in process.stdout:
        if isinstance(parse_event(line), PhaseStarted):
            break
    yield process
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


def test_it_dies_with_the_process_that_started_it(running: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert running.stdin
    running.stdin.close()
    code = running.wait(HANG_S)
    assert code in (-signal.SIGKILL, 1)
    assert not (tmp_path / "out" / "record.json").exists()


def test_a_polite_stop_says_so(running: subprocess.Popen[bytes], tmp_path: Path) -> None:
    running.terminate()
    assert running.wait(HANG_S) == 1
    assert running.stdout
    assert running.stderr
    out, err = running.stdout.read(), running.stderr.read()
    failed = parse_event(out.splitlines()[-1])
    assert isinstance(failed, Failed)
    assert failed.message == "stopped by SIGTERM"
    assert "stopped by SIGTERM; no record was written" in err.decode()
    assert not (tmp_path / "out" / "record.json").exists()


def test_over_budget_is_exit_code_3_with_projection_and_budget(endless: Path, tmp_path: Path) -> None:
    ended = measurement("run", endless, "--out", tmp_path / "out", "--budget-s", "120", "--events")
    assert ended.returncode == 3
    failed = parse_event(ended.stdout.splitlines()[-1])
    assert isinstance(failed, Failed)
    assert failed.field == "--budget-s"
    assert "projected" in failed.message
    assert "exceeds the budget of 120.0 s" in failed.message


def test_a_loss_that_is_no_number_is_exit_code_1_naming_phase_and_epoch(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    wild = TRAIN | {"optimizer": {"name": "sgd", "learning_rate": 100.0}, "epochs": 3}
    recipe.write_text(json.dumps(tiny_document(wild)))
    ended = measurement("run", recipe, "--out", tmp_path / "out")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{recipe}: phases.0.optimizer.learning_rate: the loss of phase train was ")
    assert "in epoch " in line
    assert not (tmp_path / "out" / "record.json").exists()
