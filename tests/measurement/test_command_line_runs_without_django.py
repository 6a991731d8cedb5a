"""The command line on its own: no Django, no Celery, no leaderboard; and no torch if nothing is run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from measurement.__main__ import main
from measurement.events import Failed, Finished, PhaseEnded, PhaseStarted, Progress, Started, parse_event
from measurement.recipe import recipe_json_schema
from measurement.record import Record, parse_record
from measurement.run import memory
from tests.measurement.running import FINETUNE, PRUNE, ROOT, TRAIN, measurement, tiny_document

FORBIDDING = """
import sys
from importlib.machinery import ModuleSpec

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name.partition(".")[0] in {names!r} else None

    def create_module(self, spec):
        raise ImportError(f"{{spec.name}} is forbidden here", name=spec.name)

    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Forbidden())
"""


def forbid(folder: Path, *names: str) -> Path:
    """A folder for the module path that makes importing `names` an error in every Python started with it."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(FORBIDDING.format(names=names))
    return folder


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """A whole run with `--events`, the inference windows at their real length."""
    folder = tmp_path_factory.mktemp("command")
    (folder / "recipe.json").write_text(json.dumps(tiny_document(TRAIN, PRUNE, FINETUNE)))
    without = forbid(folder / "path", "django", "celery", "leaderboard", "rest_framework")
    out = folder / "out"
    return measurement(
        "run", folder / "recipe.json", "--out", out, "--device", "cpu", "--events", python_path=without
    ), out


def record_of(out: Path) -> Record:
    return parse_record((out / "record.json").read_bytes())


def test_a_run_succeeds_without_django(ended: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    process, out = ended
    assert process.returncode == 0, process.stderr
    phases = [str(phase.phase) for phase in record_of(out).phases]
    assert phases == ["train", "compress", "finetune", "evaluate", "inference", "inference"]


def test_standard_output_holds_events_and_nothing_else(
    ended: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    events = [parse_event(line) for line in ended[0].stdout.splitlines()]
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert sum(isinstance(event, PhaseStarted) for event in events) == len(events[0].phases)
    assert sum(isinstance(event, PhaseEnded) for event in events) == len(events[0].phases)
    progress = [event for event in events if isinstance(event, Progress)]
    durations = sum(event.duration_s for event in events if isinstance(event, PhaseEnded))
    assert 10 <= len(progress) <= 4 * durations + len(events[0].phases)
    assert progress[-1].power_w is not None
    provenances = [str(phase.energies[0].provenance) for phase in record_of(ended[1]).phases]
    assert [str(event.provenance) for event in events if isinstance(event, PhaseStarted)] == provenances


def test_inference_was_metered_for_as_long_as_the_methodology_says(
    ended: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    for phase in record_of(ended[1]).phases:
        if phase.scenario:
            assert phase.duration_s is not None
            assert phase.duration_s >= 5
            assert phase.inference is not None
            assert phase.inference.blocks >= 5


@pytest.mark.skipif(memory.c_library() is None, reason="glibc's allocator")
def test_freed_memory_was_kept_and_the_record_says_so(
    ended: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    expected = f"{memory.c_library()}, freed memory kept, {memory.NO_THREAD_CACHE}"
    assert record_of(ended[1]).hardware.settings["allocator"] == expected


def test_integrate_recomputes_the_record_s_joules(
    ended: tuple[subprocess.CompletedProcess[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = ended
    training = record_of(out).phases[0]
    span = ["--start", str(training.started_s), "--end", str(training.ended_s)]
    assert main(["integrate", str(out / "trace.parquet"), *span, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["energy_j"] == pytest.approx(training.energies[0].energy_j, rel=1e-3)
    assert found["duration_s"] == pytest.approx(training.duration_s, rel=1e-6)


@pytest.mark.parametrize(
    "arguments", [["schema"], ["validate", "recipes/digits/resnet18.yaml"], ["doctor", "--json"], ["run", "--help"]]
)
def test_only_run_imports_torch(arguments: list[str], tmp_path: Path) -> None:
    without = forbid(tmp_path / "path", "torch", "timm", "torchvision", "django", "celery", "leaderboard")
    process = measurement(*arguments, python_path=without)
    assert process.returncode == 0, process.stderr


def test_schema_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(recipe_json_schema()))


def test_validate_prints_the_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(ROOT / "recipes" / "digits" / "resnet18.yaml")]) == 0
    assert "valid; track digits, 1 phase, sha256 " in capsys.readouterr().out


def test_without_torch_a_run_says_what_to_install(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(tiny_document()))
    process = measurement(
        "run", recipe, "--out", tmp_path / "out", "--events", python_path=forbid(tmp_path / "path", "torch")
    )
    assert process.returncode == 1
    (line,) = process.stderr.splitlines()
    assert "[worker]" in line
    failed = parse_event(process.stdout)
    assert isinstance(failed, Failed)
    assert failed.exit_code == 1
