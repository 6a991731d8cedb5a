"""The techniques, on real networks and the real digits."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from measurement.errors import BadInput, MeasurementError
from measurement.methods import TECHNIQUES, PhaseContext, no_progress
from measurement.networks.build import build_model, count_macs, count_parameters
from measurement.recipe import TECHNIQUES as DECLARABLE
from measurement.recipe import Recipe
from measurement.tracks import TRACKS, batch_bounds
from tests.measurement.running import FINETUNE, PRUNE, TRAIN, tiny_recipe

CPU = torch.device("cpu")
DIGITS = TRACKS["digits"]


def context(recipe: Recipe, position: int = 0) -> PhaseContext:
    torch.manual_seed(0)
    return PhaseContext(
        spec=recipe.phases[position],
        position=position,
        model=build_model(recipe, DIGITS, CPU),
        recipe=recipe,
        track=DIGITS,
        train=DIGITS.load_train(recipe.model.resolution),
        device=CPU,
        seed=recipe.seed,
        advance=no_progress,
    )


def accuracy(model: torch.nn.Module) -> float:
    test = DIGITS.load_test(16)
    with torch.inference_mode():
        return (model.eval()(test.images).argmax(dim=1) == test.labels).float().mean().item()


def test_every_technique_of_a_recipe_is_registered() -> None:
    assert set(TECHNIQUES) | {"declared"} == DECLARABLE


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_training_teaches(schedule: str, optimizer: str) -> None:
    settings = {"name": optimizer, "learning_rate": 0.05 if optimizer == "sgd" else 0.005}
    recipe = tiny_recipe(TRAIN | {"epochs": 4, "batch_size": 64, "schedule": schedule, "optimizer": settings})
    outcome = TECHNIQUES["supervised"].run(context(recipe))
    assert accuracy(outcome.model) > 0.5  # guessing gives 0.1
    assert outcome.detail["steps"] == 4 * 23


def test_the_seed_fixes_the_weights() -> None:
    first, second = (TECHNIQUES["supervised"].run(context(tiny_recipe())).model for _ in range(2))
    for left, right in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(left, right)


def test_a_loss_that_is_no_number_names_phase_and_epoch() -> None:
    wild = TRAIN | {"optimizer": {"name": "sgd", "learning_rate": 100.0}, "epochs": 3}
    with pytest.raises(MeasurementError, match=r"phase train .* epoch \d") as raised:
        TECHNIQUES["supervised"].run(context(tiny_recipe(wild)))
    assert raised.value.field == "phases.0.optimizer.learning_rate"
    assert raised.value.exit_code == 1


def test_progress_reaches_the_end_and_never_goes_back() -> None:
    fractions: list[float] = []
    TECHNIQUES["supervised"].run(
        replace(context(tiny_recipe()), advance=lambda fraction, detail="": fractions.append(fraction))
    )
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_batches_hold_every_image_once_and_none_holds_a_single_one(images: int, batch_size: int) -> None:
    bounds = list(batch_bounds(images, batch_size))
    assert [number for start, end in bounds for number in range(start, end)] == list(range(images))
    if images > 1 and batch_size > 1:
        assert min(end - start for start, end in bounds) >= 2


def test_a_batch_of_one_is_refused_before_training_with_batch_normalisation() -> None:
    recipe = tiny_recipe(TRAIN | {"batch_size": 1}, model={"architecture": "resnet10t", "resolution": 32})
    with pytest.raises(BadInput, match="at least 2") as raised:
        TECHNIQUES["supervised"].rehearse(context(recipe))
    assert raised.value.field == "phases.0.batch_size"


@pytest.mark.parametrize("importance", ["magnitude", "random"])
@pytest.mark.parametrize("steps", [1, 3])
def test_pruning_leaves_a_smaller_dense_network(importance: str, steps: int) -> None:
    recipe = tiny_recipe(TRAIN, PRUNE | {"importance": importance, "steps": steps}, FINETUNE)
    before = context(recipe, position=1)
    parameters, macs = count_parameters(before.model), count_macs(before.model, before.train.images[:1])
    outcome = TECHNIQUES["structured_pruning"].run(before)
    assert count_parameters(outcome.model) < 0.4 * parameters
    assert macs is not None
    assert (count_macs(outcome.model, before.train.images[:1]) or 0) < 0.5 * macs
    assert outcome.model(before.train.images[:3]).shape == (3, 10)
    assert outcome.detail["parameters_before"] == parameters


def test_an_architecture_that_cannot_be_pruned_is_refused_before_anything_is_metered() -> None:
    recipe = tiny_recipe(TRAIN, PRUNE, model={"architecture": "gmlp_ti16_224", "resolution": 32})
    with pytest.raises(BadInput, match="can't prune") as raised:
        TECHNIQUES["structured_pruning"].rehearse(context(recipe, position=1))
    assert raised.value.field == "phases.1.technique"


@pytest.mark.parametrize("architecture", ["test_vit", "convnext_atto", "levit_128s", "mobilenetv3_small_050"])
def test_architectures_of_every_kind_are_built_for_the_resolution_asked_for(architecture: str) -> None:
    recipe = tiny_recipe(model={"architecture": architecture, "resolution": 32})
    model = build_model(recipe, DIGITS, CPU)
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 10)
    assert (count_macs(model, torch.zeros(1, 1, 32, 32)) or 0) > 10_000


def test_a_resolution_that_the_architecture_cannot_take_is_named_with_the_reason() -> None:
    recipe = tiny_recipe(model={"architecture": "inception_v3", "resolution": 8})
    with pytest.raises(BadInput, match="8 x 8 pixels") as raised:
        build_model(recipe, DIGITS, CPU)
    assert raised.value.field == "model.resolution"


def test_multiply_accumulates_are_those_of_the_literature() -> None:
    """ResNet-18 at 224 pixels has 1.8 G (K. He et al., Deep Residual Learning, 2016)."""
    import timm

    model = timm.create_model("resnet18", pretrained=False)
    assert count_macs(model, torch.zeros(1, 3, 224, 224)) == pytest.approx(1.8e9, rel=0.02)
