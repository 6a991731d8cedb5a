"""cuBLAS is set to determinism before any phase first uses it; afterwards its setting is as before."""

from __future__ import annotations

import os

import pytest

from measurement.recipe.training import asks_for_determinism
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.training.numerics import WORKSPACE, reproducible_cublas
from tests.measurement.running import BRIEF, PRUNE, TRAIN, tiny_recipe

SAME_BITS = {"deterministic": True}


@pytest.mark.parametrize(
    ("phases", "asked"),
    [
        ([TRAIN, PRUNE], False),
        ([TRAIN | SAME_BITS], True),
        ([TRAIN, PRUNE | {"training_after_step": {"epochs": 1}}], False),
        ([TRAIN, PRUNE | {"training_after_step": {"epochs": 1} | SAME_BITS}], True),
    ],
)
def test_a_training_anywhere_in_the_recipe_asks_for_it(phases, asked):
    assert asks_for_determinism(tiny_recipe(*phases)) is asked


def test_a_run_that_asks_for_it_has_it_from_its_start_to_its_end(tmp_path, monkeypatch):
    monkeypatch.delenv(WORKSPACE, raising=False)
    seen = []
    recipe = tiny_recipe(TRAIN | SAME_BITS, inference={"scenarios": ["single_stream"]})
    run_recipe(
        recipe,
        tmp_path,
        RunOptions(device="cpu", plan=BRIEF, reporter=lambda _: seen.append(os.environ.get(WORKSPACE))),
    )
    *during, after = seen
    assert set(during) == {":4096:8"}
    assert after is None
    assert WORKSPACE not in os.environ


def test_what_the_operator_has_chosen_stays(monkeypatch):
    monkeypatch.setenv(WORKSPACE, ":16:8")
    with reproducible_cublas(True):
        assert os.environ[WORKSPACE] == ":16:8"
    assert os.environ[WORKSPACE] == ":16:8"
