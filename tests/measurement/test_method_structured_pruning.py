"""Channels go by what is known of them, step by step, with training in between; each part is paced by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from measurement.documents import DocumentError
from measurement.errors import BadInput, MeasurementError
from measurement.methods import TECHNIQUES
from measurement.methods.layers import layers_of
from measurement.networks.build import count_parameters
from measurement.progress import FullPace
from measurement.recipe import Recipe
from tests.measurement.compressing import DIGITS, FINETUNE, TAUGHT, TRANSFORMER, accuracy, after, untrained
from tests.measurement.running import PRUNE, tiny_recipe

FEW = {"gradient_batches": 2, "gradient_batch_size": 64}


def recipe(**fields: Any) -> Recipe:
    return tiny_recipe(TAUGHT, PRUNE | fields, FINETUNE)


class Heard(FullPace):
    """Every step is done, and the stages are written down."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []

    def steps(self, stage: str, count: int) -> Iterator[int]:
        self.stages.append((stage, count))
        return super().steps(stage, count)


def test_steps_with_training_between_them_keep_quality_that_one_cut_loses() -> None:
    at_once = after(PRUNE | {"ratio": 0.3})
    fields = {"ratio": 0.3, "steps": 2, "importance": "taylor", "training_after_step": {"epochs": 1}}
    in_steps = after(PRUNE | fields)
    assert count_parameters(in_steps.model) == pytest.approx(count_parameters(at_once.model), rel=0.1)
    assert accuracy(in_steps.model) > 0.8 > accuracy(at_once.model)
    assert [training["epochs"] for training in in_steps.detail["training_after_steps"]] == [1, 1]


def test_each_network_on_the_way_is_a_stage_of_its_own() -> None:
    pace, fractions = Heard(), []
    context = replace(
        untrained(
            recipe(importance="taylor", steps=2, training_after_step={"epochs": 1, "batch_size": 512}, **FEW), 1
        ),
        pace=pace,
        advance=lambda fraction, detail="": fractions.append(fraction),
    )
    TECHNIQUES["structured_pruning"].run(context)
    names = [name for name, _ in pace.stages]
    assert len(set(names)) == len(names) == 4
    assert [name.partition(" ")[0] for name in names] == ["gradients", "training"] * 2
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


@pytest.mark.parametrize("importance", ["taylor", "bn_scale"])
def test_what_counts_least_goes_first(importance: str) -> None:
    """Channels without a scale reach nothing behind them: it is they that go."""
    context = untrained(recipe(importance=importance, ratio=0.25, **(FEW if importance == "taylor" else {})), 1)
    block = context.model.layer4[0]  # type: ignore[index, union-attr]
    silent = block.bn1.num_features // 4
    torch.nn.init.ones_(block.bn2.weight)  # of fresh weights, timm shuts what a block adds
    for number in (block.bn1.weight, block.bn1.bias):
        number.data[:silent] = 0
        number.data[silent:] = number.data[silent:].abs() + 1
    kept = block.conv1.weight[silent:, 0, 1, 1].detach().clone()
    TECHNIQUES["structured_pruning"].run(context)
    assert block.conv1.weight.shape[0] == len(kept)
    assert (block.bn1.weight != 0).all()


def test_layers_compete_if_the_ranking_is_global() -> None:
    """A layer of large weights keeps its channels; in the other ranking each loses its share."""
    shapes = {}
    for ranking in (False, True):
        context = untrained(recipe(ratio=0.4, global_ranking=ranking), 1)
        before = {name: layer.weight.shape[0] for name, layer in layers_of(context.model)}
        TECHNIQUES["structured_pruning"].run(context)
        shapes[ranking] = {round(layer.weight.shape[0] / before[name], 1) for name, layer in layers_of(context.model)}
    assert len(shapes[False]) < len(shapes[True])
    assert min(shapes[True]) >= 0.1


def test_every_head_of_a_transformer_loses_the_same_share() -> None:
    before = untrained(tiny_recipe(TAUGHT, PRUNE, model=TRANSFORMER), 1).model
    fields = {"ratio": 0.5, "steps": 2, "importance": "taylor", "training_after_step": {"epochs": 1}} | FEW
    pruned = after(PRUNE | fields, model=TRANSFORMER).model
    for wide, narrow in zip(before.blocks, pruned.blocks, strict=True):  # type: ignore[arg-type]
        assert narrow.attn.num_heads == wide.attn.num_heads
        assert narrow.attn.head_dim * 2 == wide.attn.head_dim
        assert narrow.attn.qkv.out_features * 2 == wide.attn.qkv.out_features
    assert count_parameters(pruned) < 0.4 * count_parameters(before)


def test_fused_attention_and_the_one_written_out_stay_the_same_function() -> None:
    pruned = after(PRUNE, model=TRANSFORMER).model.eval()
    images = DIGITS.load_test(16).first(4)[0]
    with torch.inference_mode():
        fused = pruned(images)
        for block in pruned.blocks:  # type: ignore[union-attr]
            block.attn.fused_attn = False
        assert torch.allclose(pruned(images), fused, atol=1e-5)


def test_all_classifiers_of_a_network_keep_their_outputs() -> None:
    model = {"architecture": "deit_tiny_distilled_patch16_224", "resolution": 16}
    context = untrained(tiny_recipe(TAUGHT, PRUNE, model=model), 1)
    TECHNIQUES["structured_pruning"].rehearse(context)
    assert [head.out_features for head in context.model.get_classifier()] == [10, 10]  # type: ignore[operator]


def test_a_network_that_takes_for_ever_to_take_apart_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("measurement.methods.structured_pruning.LONGEST_S", 1.0)
    context = untrained(tiny_recipe(TAUGHT, PRUNE, model={"architecture": "ecaresnet26t", "resolution": 32}), 1)
    with pytest.raises(BadInput, match="can't prune ecaresnet26t") as raised:
        TECHNIQUES["structured_pruning"].rehearse(context)
    assert "it did not finish within 1 s" in str(raised.value)
    assert raised.value.field == "phases.1.technique"


@pytest.mark.parametrize(
    ("fields", "changes", "message", "field"),
    [
        ({"importance": "bn_scale"}, {"model": TRANSFORMER}, "no batch normalisation", "importance"),
        (
            {"training_after_step": {"epochs": 1, "batch_size": 1}},
            {"model": {"architecture": "resnet10t", "resolution": 32}},
            "at least 2 images",
            "training_after_step.batch_size",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_metered(
    fields: dict[str, Any], changes: dict[str, Any], message: str, field: str
) -> None:
    context = untrained(tiny_recipe(TAUGHT, PRUNE | fields, **changes), 1)
    with pytest.raises(BadInput, match=message) as raised:
        TECHNIQUES["structured_pruning"].rehearse(context)
    assert raised.value.field == f"phases.1.{field}"


def test_a_loss_that_is_no_number_names_the_training_between_the_steps() -> None:
    wild = {"epochs": 3, "batch_size": 128, "optimizer": {"name": "sgd", "learning_rate": 100.0}}
    with pytest.raises(MeasurementError, match="smaller learning_rate") as raised:
        TECHNIQUES["structured_pruning"].run(untrained(recipe(training_after_step=wild), 1))
    assert raised.value.field == "phases.1.training_after_step.optimizer.learning_rate"


def test_gradients_belong_to_taylor() -> None:
    with pytest.raises(DocumentError, match="belong to importance taylor"):
        recipe(gradient_batches=3)
