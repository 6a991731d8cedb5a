"""A run that was killed continues after its last finished phase, and its record has the cost of the loss."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from measurement.errors import OverBudget
from measurement.record import Hardware, LostAttempt, Record
from measurement.run.checkpoint import Checkpoint, Earlier, Origin, Spent
from measurement.run.options import RunOptions
from measurement.run.recompute import recompute
from measurement.run.runner import run_recipe
from measurement.traces.trace import read_trace
from measurement.vocabulary import Scope
from tests.loaded import loaded_python
from tests.measurement.running import BRIEF, FINETUNE, PRUNE, ROOT, TRAIN, environment, tiny_document, tiny_recipe
from tests.waiting import HANG_S

PHASES = TRAIN | {"epochs": 10}, PRUNE, FINETUNE | {"epochs": 5}
CHANGES = {"inference": {"scenarios": ["single_stream"]}}


def read(out: Path, name: str) -> dict | None:
    path = out / "checkpoint" / name
    return json.loads(path.read_text()) if path.exists() else None


# `python -m measurement`, which often notes what it has spent, and goes on from each note when it is told to.
NOTE_BY_NOTE = """
import os, sys
from measurement.run import checkpoint
from measurement.__main__ import main

spend = checkpoint.Checkpoint.spend


def spend_and_wait(self, spent):
    spend(self, spent)
    print("noted by", os.getpid(), flush=True)
    sys.stdin.readline()


checkpoint.SPENT_EVERY_S = 0.05
checkpoint.Checkpoint.spend = spend_and_wait
sys.exit(main(sys.argv[1:]))
"""


def kill_when(out: Path, condition: Callable[[], bool]) -> None:
    """Start a run that resumes, and kill it at the first note with which `condition` holds."""
    recipe = out.with_suffix(".json")
    recipe.write_text(json.dumps(tiny_document(*PHASES, **CHANGES)))
    command = [*loaded_python(), "-c", NOTE_BY_NOTE, "run", str(recipe), "--out", str(out), "--resume", "--events"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment(), text=True, bufsize=1, **pipes) as process:
        for line in process.stdout:
            if not line.startswith("noted by "):
                continue
            if condition():
                os.kill(int(line.split()[-1]), signal.SIGKILL)
                assert process.wait(HANG_S) == -signal.SIGKILL
                return
            process.stdin.write("go on\n")
    raise AssertionError("the run ended before it was to be killed")


def spent_j(document: dict | None) -> float:
    energies = document["energies"] if document else []
    return sum(energy["energy_j"] for energy in energies if energy["scope"] == "accelerator")


@pytest.fixture(scope="module")
def killed_twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path, list[float]]:
    """The record, its folder, and the joules that each lost attempt had noted beyond its last finished phase."""
    out = tmp_path_factory.mktemp("killed") / "out"
    lost_j = []
    kill_when(out, lambda: spent_j(read(out, "spent.json")) > 0 and read(out, "journal.json") is None)
    lost_j.append(spent_j(read(out, "spent.json")))

    def in_finetune() -> bool:
        journal, spent = read(out, "journal.json"), read(out, "spent.json")
        return bool(journal and spent and journal["kept"] and len(journal["phases"]) == 2) and (
            spent_j(spent) > spent_j(journal["kept"])
        )

    kill_when(out, in_finetune)
    lost_j.append(spent_j(read(out, "spent.json")) - spent_j(read(out, "journal.json")["kept"]))
    recipe = tiny_recipe(*PHASES, **CHANGES)
    return run_recipe(recipe, out, RunOptions(device="cpu", plan=BRIEF, resume=True)), out, lost_j


def test_the_record_has_the_cost_of_each_lost_attempt(killed_twice):
    record, out, lost_j = killed_twice
    assert [attempt.energies[0].scope for attempt in record.lost] == [Scope.ACCELERATOR] * 2
    assert [attempt.energies[0].energy_j for attempt in record.lost] == pytest.approx(lost_j)
    assert all(attempt.time_s > 0 for attempt in record.lost)
    # What this machine can only estimate is an estimate here too.
    assert record.lost[0].energies[0].provenance == record.phases[0].energies[0].provenance
    assert not (out / "checkpoint").exists()


def test_finished_phases_are_kept_and_not_done_again(killed_twice):
    record, _, _ = killed_twice
    train, prune, finetune = record.phases[:3]
    assert train.ended_s <= prune.started_s
    assert prune.ended_s < finetune.started_s
    # The second attempt trained and pruned; the third only fine-tuned.
    assert prune.started_s - train.ended_s < finetune.started_s - prune.ended_s
    assert [str(phase.phase) for phase in record.phases] == ["train", "compress", "finetune", "evaluate", "inference"]
    assert record.quality.value > 0.8


def test_the_whole_recomputes_from_one_trace(killed_twice):
    record, out, _ = killed_twice
    trace = read_trace(out / "trace.parquet")
    found = recompute(record, trace)
    assert found.agrees, found.faults
    times = list(trace.columns["timestamp_s"])
    assert times == sorted(times)
    assert [window.name for window in trace.windows][:3] == ["idle", "0-train", "1-compress"]


@pytest.fixture(scope="module")
def ended_in_its_second_phase(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that finished one phase and would not have finished the next within its budget."""
    out = tmp_path_factory.mktemp("ended") / "out"
    with pytest.raises(OverBudget):
        run_recipe(
            tiny_recipe(TRAIN, FINETUNE | {"epochs": 10_000}),
            out,
            RunOptions(device="cpu", plan=BRIEF, budget_s=100.0),
        )
    return out


def torn(name: str) -> Callable[[Path], None]:
    return lambda out: os.truncate(out / "checkpoint" / name, 100)


def updated(out: Path) -> None:
    """As if torch had been another when the checkpoint was written."""
    for name in ("journal.json", "lost.json"):
        document = read(out, name)
        document["origin"]["software"]["torch"] = "1.0"
        (out / "checkpoint" / name).write_text(json.dumps(document))


@pytest.mark.parametrize("went_on", [False, True])
@pytest.mark.parametrize("spoil", [torn("1-network.pt"), torn("1-trace.parquet"), updated])
def test_a_checkpoint_that_can_t_be_gone_on_from_is_lost_with_all_its_joules(
    spoil: Callable[[Path], None], went_on: bool, ended_in_its_second_phase: Path, tmp_path: Path
) -> None:
    """Whether the attempt that finds it is the second, or a third after one that went on and left nothing."""
    out = tmp_path / "out"
    shutil.copytree(ended_in_its_second_phase, out)
    checkpoint = Checkpoint(out, Origin.model_validate(read(out, "journal.json")["origin"]))
    earlier = checkpoint.read()
    assert earlier.journal is not None
    lost_j, spent_j = sum(joules(attempt) for attempt in earlier.lost), joules(earlier.spent)
    assert 0 < lost_j < spent_j
    if went_on:
        checkpoint.begin(earlier)
    spoil(out)
    anew = checkpoint.read()
    assert anew.journal is None
    assert joules(anew.spent) == spent_j
    assert sum(joules(attempt) for attempt in anew.lost) == pytest.approx(spent_j)
    assert sum(attempt.time_s for attempt in anew.lost) == pytest.approx(anew.spent_s)


def joules(spent: Spent | LostAttempt | None) -> float:
    """Of the accelerator scope."""
    found = next(energy.energy_j for energy in spent.energies if energy.scope == Scope.ACCELERATOR) if spent else None
    return found or 0.0


def test_what_another_recipe_left_is_not_resumed(tmp_path):
    here = Origin.of("a" * 64, "full", Hardware(name="CPU", kind="cpu"))
    checkpoint = Checkpoint(tmp_path, here)
    checkpoint.begin(Earlier())
    for other in (
        here.model_copy(update={"recipe_sha256": "b" * 64}),
        here.model_copy(update={"mode": "sampled"}),
        here.model_copy(update={"device_uuid": "GPU-1"}),
    ):
        (tmp_path / "checkpoint" / "spent.json").write_text("{}")
        assert Checkpoint(tmp_path, other).read() == Earlier()


@pytest.mark.parametrize("text", ["", "{}", "no JSON", '{"origin": 1}'])
def test_a_torn_checkpoint_is_as_good_as_none(text, tmp_path):
    checkpoint = Checkpoint(tmp_path, Origin.of("a" * 64, "full", Hardware(name="CPU", kind="cpu")))
    checkpoint.begin(Earlier())
    for name in ("journal.json", "spent.json", "lost.json"):
        (checkpoint.folder / name).write_text(text)
    assert checkpoint.read() == Earlier()
