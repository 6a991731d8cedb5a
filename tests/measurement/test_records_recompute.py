"""`recompute` finds a record's joules in its trace, and detects a record that was changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measurement.__main__ import main
from measurement.dataroot import sha256_of
from measurement.record import (
    parse_record,
)
from measurement.run.options import RunOptions
from measurement.run.recompute import recompute
from measurement.run.runner import run_recipe
from measurement.traces.trace import read_trace
from measurement.vocabulary import Provenance, Scope
from tests.measurement.recorded import Course, record_a_run
from tests.measurement.running import BRIEF, FINETUNE, PRUNE, TRAIN, measurement, tiny_recipe

COURSE = st.lists(st.tuples(st.floats(0.02, 2.0), st.integers(0, 700_000)), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(train=COURSE, blocks=st.lists(COURSE, min_size=1, max_size=6))
def test_any_recorded_run_recomputes(
    tmp_path_factory: pytest.TempPathFactory, train: Course, blocks: list[Course]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    record_a_run(folder, train, blocks)
    record = parse_record((folder / "record.json").read_bytes())
    found = recompute(record, read_trace(folder / "trace.parquet"), sha256_of(folder / "trace.parquet"))
    assert found.faults == ()
    recomputed = {(figure.phase, figure.scope, figure.name) for figure in found.figures}
    for scope in Scope:
        assert ("train", scope, "energy_j") in recomputed
        assert ("inference offline", scope, "energy_per_image_j") in recomputed
        assert ("inference offline", scope, "net_of_idle_j") in recomputed


@pytest.fixture
def run(tmp_path: Path) -> Path:
    course = [(0.1, 100_000), (0.2, 250_000), (0.1, 180_000)]
    record_a_run(tmp_path, course, [course, course])
    return tmp_path


def change(folder: Path, alter: Any) -> None:
    document = json.loads((folder / "record.json").read_text())
    alter(document)
    (folder / "record.json").write_text(json.dumps(document))


def test_the_command_prints_each_figure_and_ends_with_0(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recompute", str(run / "record.json")]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "inference offline  accelerator  energy_per_image_j" in printed.out
    assert printed.out.endswith("figures agree to 6 digits.\n")
    assert main(["recompute", str(run), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["agrees"] is True
    assert {"phase", "scope", "name", "recorded_j", "recomputed_j", "agrees"} <= set(report["figures"][0])


TOUCHED = {
    (0, "energy_j"): "train, {}: the record says",
    (0, "net_of_idle_j"): "net of idle",
    (2, "energy_j"): "inference offline, {}: the record says",
    (2, "energy_per_image_j"): "per image, the trace gives",
}


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("where", TOUCHED, ids=str)
def test_a_figure_that_was_touched_is_found(
    run: Path, capsys: pytest.CaptureFixture[str], where: tuple[int, str], scope: Scope
) -> None:
    position, figure = where

    def alter(document: dict[str, Any]) -> None:
        (energy,) = [found for found in document["phases"][position]["energies"] if found["scope"] == scope]
        energy[figure] += 1e-5 * energy["energy_j"]

    change(run, alter)
    assert main(["recompute", str(run)]) == 5
    (line,) = capsys.readouterr().err.splitlines()
    assert TOUCHED[where].format(scope) in line


def test_another_trace_is_found_by_its_hash(run: Path, tmp_path_factory: Any, capsys: Any) -> None:
    other = tmp_path_factory.mktemp("other")
    record_a_run(other, [(0.4, 100_000)], [[(0.1, 100_000)]])
    assert main(["recompute", str(run / "record.json"), "--trace", str(other / "trace.parquet")]) == 5
    first, *more = capsys.readouterr().err.splitlines()
    assert "the trace is not the record's" in first
    assert any("train" in line for line in more)


def test_an_estimate_that_calls_itself_metered_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    course = [(0.5, 100_000)]
    record_a_run(tmp_path, course, [course], cpu_source="cpu_estimate")
    assert main(["recompute", str(tmp_path)]) == 0
    capsys.readouterr()

    def alter(document: dict[str, Any]) -> None:
        for energy in document["phases"][0]["energies"]:
            energy |= {"provenance": "metered", "sources": ["nvml_counter", "rapl"]}

    change(tmp_path, alter)
    assert main(["recompute", str(tmp_path)]) == 5
    (line,) = capsys.readouterr().err.splitlines()
    assert "train, system: the record says metered, the trace was read from nvml_counter, cpu_estimate" in line


def test_a_phase_moved_in_time_is_found(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(run, lambda document: document["phases"][0].update(ended_s=document["phases"][0]["ended_s"] - 0.1))
    assert main(["recompute", str(run)]) == 5
    assert "train: no window of the trace runs from" in capsys.readouterr().err


def test_a_declared_phase_is_shown_as_not_measured(run: Path) -> None:
    record = parse_record((run / "record.json").read_bytes())
    assert recompute(record, read_trace(run / "trace.parquet")).notes == ()
    reported = (
        record.phases[0]
        .energies[0]
        .model_copy(update={"provenance": Provenance.REPORTED, "sources": (), "net_of_idle_j": None})
    )
    declared = record.phases[0].model_copy(
        update={"started_s": None, "ended_s": None, "energies": (reported, record.phases[0].energies[1])}
    )
    found = recompute(
        record.model_copy(update={"phases": (declared, *record.phases[1:])}), read_trace(run / "trace.parquet")
    )
    assert found.agrees
    assert found.notes == ("train: declared by the submitter, so it is not in the trace",)


def test_bad_input(run: Path, tmp_path_factory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path_factory.mktemp("empty")
    trace = run / "trace.parquet"
    (empty / "record.json").write_text("{}")
    (empty / "power.csv").write_text("timestamp_s,power_w\n0,1\n1,1\n")
    for words, named in [
        ([empty / "none.json"], "none.json: can't be read"),
        ([empty / "record.json", "--trace", trace], "record.json: recipe: "),
        ([run / "record.json", "--trace", empty / "none.parquet"], "--trace: "),
        ([run / "record.json", "--trace", empty / "power.csv"], "not a Parquet file"),
        ([empty], "--trace: "),
    ]:
        (empty / "record.json").write_text((run / "record.json").read_text() if words == [empty] else "{}")
        assert main(["recompute", *map(str, words)]) == 2
        assert named in capsys.readouterr().err


def test_a_real_run_recomputes(tmp_path: Path) -> None:
    recipe = tiny_recipe(TRAIN, PRUNE, FINETUNE, inference={"max_batch_size": 4})
    run_recipe(recipe, tmp_path / "out", RunOptions(device="cpu", plan=BRIEF))
    ended = measurement("recompute", tmp_path / "out")
    assert ended.returncode == 0, ended.stdout + ended.stderr
