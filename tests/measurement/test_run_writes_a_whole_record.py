"""A run leaves a self-contained record: parsed again, recomputed from its trace, its weights loaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from measurement.errors import BadInput, MeasurementError
from measurement.events import Event, Finished, PhaseEnded, PhaseStarted, Progress, Started
from measurement.recipe import load_recipe
from measurement.record import Record, parse_record
from measurement.run.offline_batch import offline_batch_size
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.traces.trace import read_trace
from measurement.vocabulary import Phase, Provenance, Scope
from tests.measurement.running import BRIEF, FINETUNE, PRUNE, TRAIN, tiny_recipe

PAPER = "https://arxiv.org/abs/1905.02244"
SEARCH = {"technique": "declared", "phase": "search"}
PRETRAIN = {"technique": "declared", "phase": "pretrain", "energy_j": 7e6, "scope": "system", "evidence": PAPER}
RECIPE = tiny_recipe(SEARCH, PRETRAIN, TRAIN, PRUNE, FINETUNE)


class Run:
    def __init__(self, out: Path) -> None:
        self.out = out
        self.events: list[Event] = []
        self.returned = run_recipe(RECIPE, out, RunOptions(device="cpu", plan=BRIEF, reporter=self.events.append))
        self.record = parse_record((out / "record.json").read_bytes())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("run") / "new" / "folder")


def test_the_written_record_is_the_returned_one(run: Run) -> None:
    assert run.record == run.returned
    assert run.record.recipe == RECIPE


def test_phases_are_those_declared_then_evaluation_and_each_scenario(run: Run) -> None:
    assert [(str(phase.phase), phase.technique, phase.scenario) for phase in run.record.phases] == [
        ("search", "declared", None),
        ("pretrain", "declared", None),
        ("train", "supervised", None),
        ("compress", "structured_pruning", None),
        ("finetune", "supervised", None),
        ("evaluate", "evaluate", None),
        ("inference", "inference", "single_stream"),
        ("inference", "inference", "offline"),
    ]


def test_a_declared_phase_is_reported_in_its_scope_and_missing_in_the_other_never_zero(run: Run) -> None:
    search, pretrain = run.record.phases[:2]
    assert [energy.provenance for energy in search.energies] == [Provenance.MISSING] * 2
    assert [energy.energy_j for energy in search.energies] == [None, None]
    assert pretrain.energy(Scope.SYSTEM).energy_j == 7e6
    assert pretrain.energy(Scope.SYSTEM).provenance == Provenance.REPORTED
    assert pretrain.energy(Scope.ACCELERATOR).provenance == Provenance.MISSING
    assert pretrain.evidence == PAPER
    assert pretrain.started_s is None


def test_every_phase_that_ran_has_joules_in_both_scopes_and_follows_the_one_before(run: Run) -> None:
    ran = run.record.phases[2:]
    for phase in ran:
        accelerator, system = phase.energy(Scope.ACCELERATOR), phase.energy(Scope.SYSTEM)
        assert accelerator.energy_j is not None
        assert system.energy_j is not None
        assert 0 < accelerator.energy_j <= system.energy_j
    ends = [phase.ended_s or 0 for phase in ran]
    starts = [phase.started_s or 0 for phase in ran]
    assert all(start >= end for start, end in zip(starts[1:], ends, strict=False))


def test_inference_figures_belong_together(run: Run) -> None:
    for phase in run.record.phases:
        if phase.phase != Phase.INFERENCE:
            continue
        figures = phase.inference
        assert figures is not None
        assert figures.blocks >= BRIEF.min_blocks
        assert figures.latency_p50_ms <= figures.latency_p90_ms <= figures.latency_p99_ms
        assert phase.duration_s == pytest.approx(figures.images / figures.throughput_images_per_s, rel=0.25)
        energy = phase.energy(Scope.ACCELERATOR)
        assert energy.energy_per_image_j == pytest.approx((energy.energy_j or 0) / figures.images)
        assert (energy.energy_per_image_u95_j or 0) > 0
    single, offline = (phase.inference for phase in run.record.phases[-2:])
    assert single is not None
    assert offline is not None
    assert single.batch_size == 1
    assert 1 <= offline.batch_size <= RECIPE.inference.max_batch_size
    assert [probe.batch_size for probe in offline.probes] == [1, 2, 4, 8, 16]
    assert offline_batch_size(offline.probes) == offline.batch_size
    assert single.probes == ()
    weights = (run.out / "model.safetensors").stat().st_size
    assert single.peak_memory_bytes is not None
    assert weights / 2 < single.peak_memory_bytes <= (offline.peak_memory_bytes or 0) < 2**30


def test_joules_follow_from_the_published_trace(run: Run) -> None:
    trace = read_trace(run.out / "trace.parquet")
    windows = {window.name: window for window in trace.windows}
    for phase in run.record.phases[2:]:
        name = f"{phase.position}-{phase.phase}" + (f"-{phase.scenario}" if phase.scenario else "")
        recomputed = trace.window_energy_j(windows[name], "cpu")
        assert recomputed == pytest.approx(phase.energy(Scope.ACCELERATOR).energy_j, rel=1e-3, abs=1e-3)


def test_files_are_those_that_the_record_names(run: Run) -> None:
    assert {path.name for path in run.out.iterdir()} == {
        "recipe.json",
        "record.json",
        "trace.parquet",
        "model.safetensors",
    }
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in run.out.iterdir()}
    assert run.record.trace_sha256 == digests["trace.parquet"]
    assert run.record.model.weights_sha256 == digests["model.safetensors"]
    assert load_recipe(run.out / "recipe.json") == RECIPE


def test_the_weights_are_those_of_the_pruned_network(run: Run) -> None:
    state = safetensors.torch.load_file(run.out / "model.safetensors")
    trained = sum(value.numel() for name, value in state.items() if "running" not in name and "num_" not in name)
    assert trained == run.record.model.parameters
    compress = run.record.phases[3]
    assert run.record.model.parameters == compress.detail["parameters_after"]


def test_events_tell_the_story_in_order(run: Run) -> None:
    started, *middle, finished = run.events
    assert isinstance(started, Started)
    assert isinstance(finished, Finished)
    assert started.phases == (
        "train",
        "compress",
        "finetune",
        "evaluate",
        "inference single_stream",
        "inference offline",
    )
    for position, _ in enumerate(started.phases):
        of_step = [event for event in middle if getattr(event, "position", None) == position]
        assert isinstance(of_step[0], PhaseStarted)
        assert isinstance(of_step[-1], PhaseEnded)
        fractions = [event.fraction for event in of_step if isinstance(event, Progress)]
        assert fractions == sorted(fractions)


def test_the_environment_is_recorded(run: Run) -> None:
    record: Record = run.record
    assert record.software["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert record.hardware.kind == "cpu"
    assert record.hardware.settings["torch_threads"] >= 1
    assert record.model.macs


def test_a_folder_with_a_record_is_not_written_over(run: Run) -> None:
    before = (run.out / "record.json").read_bytes()
    with pytest.raises(BadInput, match="--force") as raised:
        run_recipe(RECIPE, run.out, RunOptions(device="cpu", plan=BRIEF))
    assert raised.value.field == "--out"
    assert (run.out / "record.json").read_bytes() == before


def test_a_failed_run_leaves_no_record_even_if_there_was_an_older_one(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(json.dumps({"from": "an earlier run"}))
    wild = tiny_recipe(TRAIN | {"optimizer": {"name": "sgd", "learning_rate": 100.0}, "epochs": 3})
    with pytest.raises(MeasurementError, match="learning_rate"):
        run_recipe(wild, tmp_path, RunOptions(device="cpu", plan=BRIEF, force=True))
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.json"]
