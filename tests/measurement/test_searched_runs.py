"""A search is a phase of its own in the record; after a supernet no training is needed; a sample is scaled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from measurement.errors import BadInput
from measurement.record import Record
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.run.sampling import SamplingPlan
from measurement.vocabulary import Scope
from tests.measurement.running import BRIEF, TRAIN, tiny_recipe

SUPERNET: dict[str, Any] = {
    "technique": "supernet",
    "phase": "search",
    "space": {"resolutions": [8], "depths": [1], "kernels": [3], "expansions": [1, 2]},
    "training": {"epochs": 1, "batch_size": 256},
    "strategy": "random",
    "candidates": 2,
}
SEARCH: dict[str, Any] = {
    "technique": "architecture_search",
    "phase": "search",
    "space": {"architectures": ["test_resnet", "test_byobnet"], "resolutions": [8]},
    "training": {"epochs": 300, "batch_size": 64},
    "candidates": 2,
    "found": {"architecture": "test_byobnet", "resolution": 8},
}
REPORTED = {"quality": 0.97, "evidence": "https://example.org/log"}
SHORT = SamplingPlan(window_s=0.25, warm_up_s=0.05)


def phases_of(record: Record) -> list[tuple[str, str]]:
    return [(str(phase.phase), phase.technique) for phase in record.phases if phase.scenario is None]


def test_a_supernet_is_searched_evaluated_and_run(tmp_path: Path) -> None:
    model = {"architecture": "elastic_mobile", "resolution": 16, "width": 0.25}
    record = run_recipe(tiny_recipe(SUPERNET, model=model), tmp_path, RunOptions(device="cpu", plan=BRIEF))
    assert phases_of(record) == [("search", "supernet"), ("evaluate", "evaluate")]
    assert record.quality.provenance == "evaluated"
    assert (record.model.architecture, record.model.resolution) == ("elastic_mobile", 8)
    search = record.phases[0]
    best = search.detail["candidates"][0]
    assert (record.model.parameters, record.model.macs) == (best["parameters"], best["macs"])
    assert (search.energy(Scope.ACCELERATOR).energy_j or 0) > 0


def test_a_sampled_search_meters_every_candidate_and_goes_on_with_what_was_found(tmp_path: Path) -> None:
    recipe = tiny_recipe(SEARCH, TRAIN, reported=REPORTED)
    record = run_recipe(recipe, tmp_path, RunOptions(mode="sampled", device="cpu", plan=BRIEF, sampling=SHORT))
    assert phases_of(record) == [("search", "architecture_search"), ("train", "supervised")]
    assert (record.model.architecture, record.model.resolution) == ("test_byobnet", 8)
    stages = record.phases[0].detail["sampled"]["stages"]
    assert len(stages) == 2
    assert len({stage["stage"] for stage in stages}) == 2
    assert all(stage["steps_declared"] == 300 * 18 and stage["steps_run"] < 5400 for stage in stages)
    assert record.quality.provenance == "reported"


def test_a_sampled_search_needs_a_declared_choice_before_anything_is_metered(tmp_path: Path) -> None:
    recipe = tiny_recipe(SEARCH | {"found": None}, TRAIN, reported=REPORTED)
    with pytest.raises(BadInput, match="sampl") as raised:
        run_recipe(recipe, tmp_path, RunOptions(mode="sampled", device="cpu", plan=BRIEF, sampling=SHORT))
    assert raised.value.field == "phases.0.found"
