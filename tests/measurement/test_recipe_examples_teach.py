"""The example recipes are valid, and are the comparisons that their comments promise."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from measurement.recipe import Recipe, load_recipe
from tests.measurement.running import ROOT

EXAMPLES = {path.stem: path for path in sorted((ROOT / "recipes" / "digits").glob("*.yaml"))}
FAMILIES = {"compact", "efficient_training", "pruning", "quantization", "low_rank", "distillation", "nas", "dynamic"}


def example(name: str) -> Recipe:
    return load_recipe(EXAMPLES[name])


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_valid_and_states_the_quality_that_it_reaches(name: str) -> None:
    recipe = example(name)
    assert recipe.track == "digits"
    assert recipe.method.paper, "an example credits the work it shows"
    floors = re.findall(r"^# floor: (0\.\d+)$", EXAMPLES[name].read_text("utf-8"), re.MULTILINE)
    assert len(floors) == 1


def test_every_family_that_needs_no_weights_from_elsewhere_has_an_example() -> None:
    assert {example(name).method.family for name in EXAMPLES} >= FAMILIES


def test_no_two_are_the_same() -> None:
    assert len({example(name).sha256 for name in EXAMPLES}) == len(EXAMPLES)


def test_the_long_training_differs_from_the_short_one_by_ten_times_the_epochs_alone() -> None:
    short, long = example("starnet-s050"), example("starnet-s050-long")
    assert long.phases[0].epochs == 10 * short.phases[0].epochs
    assert long.phases[0].model_copy(update={"epochs": short.phases[0].epochs}) == short.phases[0]
    assert long.model == short.model


def test_half_the_resolution_is_the_only_difference_from_the_large_network() -> None:
    large, half = example("resnet18"), example("resnet18-half-resolution")
    assert large.model.resolution == 2 * half.model.resolution
    assert large.phases == half.phases


def test_the_pruned_network_is_trained_as_the_large_one_then_pruned_then_fine_tuned() -> None:
    large, pruned = example("resnet18"), example("resnet18-pruned")
    assert pruned.phases[:1] == large.phases
    assert [phase.phase for phase in pruned.phases] == ["train", "compress", "finetune"]


def test_the_list_of_architectures_is_that_of_the_installed_timm() -> None:
    timm = pytest.importorskip("timm")
    listed = (ROOT / "measurement" / "architectures.txt").read_text("utf-8").split()
    assert all(before < after for before, after in pairwise(listed))
    assert set(listed) == set(timm.list_models())
