"""Zeros are where the recipe puts them, stay there while the network is trained, and are recorded correctly."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from measurement.documents import DocumentError
from measurement.errors import BadInput
from measurement.methods import TECHNIQUES, PhaseContext
from measurement.methods.layers import layers_of
from measurement.methods.semi_structured import SemiStructuredLinear, has_sparse_kernels
from measurement.networks.build import count_parameters
from measurement.networks.weights import plain_tensors
from tests.measurement.compressing import (
    FINETUNE,
    SCHEDULE,
    TAUGHT,
    TRANSFORMER,
    accuracy,
    after,
    compress,
    untrained,
)
from tests.measurement.running import PRUNE, tiny_recipe

HALF = compress("sparsity", ratio=0.5)


def ready(phase: dict[str, Any], **changes: Any) -> PhaseContext:
    return untrained(tiny_recipe(TAUGHT, phase, FINETUNE, **changes), 1)


def shares_of_zeros(model: nn.Module) -> list[float]:
    return [1 - float(layer.weight.count_nonzero()) / layer.weight.numel() for _, layer in layers_of(model)]


def test_the_smallest_weights_of_every_layer_go() -> None:
    context = ready(compress("sparsity", ratio=0.75))
    before = copy.deepcopy(context.model)
    outcome = TECHNIQUES["sparsity"].run(context)
    assert shares_of_zeros(outcome.model) == pytest.approx([0.75] * 15, abs=0.01)
    for (_, old), (_, new) in zip(layers_of(before), layers_of(outcome.model), strict=True):
        kept = new.weight != 0
        assert torch.equal(new.weight[kept], old.weight[kept])
        assert old.weight[kept].abs().min() >= old.weight[~kept].abs().max()
    assert outcome.detail["zero_weights"] == round(0.75 * outcome.detail["weights_of_these_layers"])
    assert outcome.detail["executed_as"] == "dense kernels, zeros included"
    assert count_parameters(outcome.model) == count_parameters(before)


def test_layers_compete_if_the_ranking_is_global() -> None:
    outcome = TECHNIQUES["sparsity"].run(ready(compress("sparsity", ratio=0.5, ranking="global")))
    assert outcome.detail["sparsity"] == pytest.approx(0.5, abs=0.001)
    assert max(shares_of_zeros(outcome.model)) > 0.55


@pytest.mark.parametrize("architecture", [{}, {"model": TRANSFORMER}], ids=["convolutions", "linear layers"])
def test_two_of_every_four_inputs_stay(architecture: dict[str, Any]) -> None:
    outcome = TECHNIQUES["sparsity"].run(ready(compress("sparsity", pattern="2:4"), **architecture))
    masked = [layer for _, layer in layers_of(outcome.model) if layer.weight.shape[1] % 4 == 0]
    assert len(masked) == outcome.detail["layers_with_zeros"] >= 14
    for layer in masked:
        by_fours = layer.weight.movedim(1, -1).reshape(-1, 4)
        assert set((by_fours != 0).sum(dim=1).tolist()) == {2}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_zeros_stay_in_training_and_the_others_learn(optimizer: str) -> None:
    """Also if the run resumed from a checkpoint in between."""
    context = ready(HALF)
    model = pickle.loads(pickle.dumps(TECHNIQUES["sparsity"].run(context).model))  # noqa: S301
    before = copy.deepcopy(model)
    settings = FINETUNE | {"optimizer": {"name": optimizer, "learning_rate": 0.02, "weight_decay": 0.1}}
    recipe = tiny_recipe(TAUGHT, HALF, settings | {"batch_size": 512})
    TECHNIQUES["supervised"].run(replace(untrained(recipe, 2), model=model))
    for (_, old), (_, new) in zip(layers_of(before), layers_of(model), strict=True):
        assert torch.equal(old.weight == 0, new.weight == 0)
        assert not torch.equal(old.weight, new.weight)
    assert not any("mask" in name for name in model.state_dict())


@pytest.mark.parametrize(("scheme", "changes"), [("int8_static", {}), ("int8_dynamic", {"model": TRANSFORMER})])
def test_zeros_stay_while_a_network_learns_the_rounding_of_8_bits(scheme: str, changes: dict[str, Any]) -> None:
    settings = {"epochs": 1, "batch_size": 512, "optimizer": {"learning_rate": 0.02}}
    rounding = compress("quantization_aware", scheme=scheme, **settings)
    recipe = tiny_recipe(TAUGHT, compress("sparsity", ratio=0.8), rounding, **changes)
    sparse = TECHNIQUES["sparsity"].run(untrained(recipe, 1))
    outcome = TECHNIQUES["quantization_aware"].run(replace(untrained(recipe, 2), model=sparse.model))
    tensors = plain_tensors(outcome.model).values()
    assert sum(int((tensor == 0).sum()) for tensor in tensors) >= sparse.detail["zero_weights"]


def test_a_network_stays_good_with_most_weights_gone_and_can_lose_channels_after() -> None:
    sparse = after(compress("sparsity", ratio=0.8, ranking="global"), FINETUNE)
    assert accuracy(sparse.model) > 0.9
    smaller = after(HALF, PRUNE, FINETUNE | SCHEDULE)
    assert accuracy(smaller.model) > 0.5
    assert min(shares_of_zeros(smaller.model)) > 0.1


def test_without_sparse_kernels_the_record_says_that_zeros_are_computed() -> None:
    outcome = TECHNIQUES["sparsity"].run(ready_to_run("2:4"))
    assert outcome.detail["executed_as"] == "dense kernels, zeros included: this device has no 2:4 kernels"


@pytest.mark.skipif(
    not torch.cuda.is_available() or not has_sparse_kernels(torch.device("cuda", 0)),
    reason="no 2:4 kernels here",
)
def test_sparse_kernels_compute_what_dense_ones_do() -> None:
    context = ready_to_run("2:4", model=TRANSFORMER)
    card = torch.device("cuda", 0)
    context = replace(context, model=context.model.to(card), train=context.train.to(card), device=card)
    images = context.train.first(8)[0]
    dense = replace(
        context, model=copy.deepcopy(context.model), spec=context.spec.model_copy(update={"kernels": "dense"})
    )
    expected = TECHNIQUES["sparsity"].run(dense).model(images)
    outcome = TECHNIQUES["sparsity"].run(context)
    assert "float16 2:4 kernels" in outcome.detail["executed_as"]
    torch.testing.assert_close(outcome.model(images), expected, rtol=0.02, atol=0.02)


def test_weights_for_sparse_kernels_are_in_no_checkpoint() -> None:
    """torch could not bring them back to a card. Such a layer can't be made without one."""
    layer = SemiStructuredLinear.__new__(SemiStructuredLinear)
    nn.Module.__init__(layer)
    with pytest.raises(TypeError, match="moved to a card"):
        pickle.dumps(nn.Sequential(layer))


def ready_to_run(pattern: str, **changes: Any) -> PhaseContext:
    return untrained(tiny_recipe(TAUGHT, compress("sparsity", pattern=pattern, kernels="sparse"), **changes), 1)


def test_a_ratio_that_leaves_a_layer_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="smaller ratio") as raised:
        TECHNIQUES["sparsity"].rehearse(ready(compress("sparsity", ratio=0.99999)))
    assert raised.value.field == "phases.1.ratio"


def test_zeros_that_are_there_already_are_no_compression() -> None:
    context = ready(HALF)
    TECHNIQUES["sparsity"].run(context)
    with pytest.raises(BadInput, match="no weight becomes zero that was not zero before") as raised:
        TECHNIQUES["sparsity"].rehearse(context)
    assert raised.value.field == "phases.1.ratio"


def test_zeros_of_unchanged_layers_do_not_count_for_the_others() -> None:
    """One input channel is no multiple of four: the convolution keeps its zeros, and the linear layer gets some."""
    network = nn.Sequential(nn.Conv2d(1, 64, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    with torch.no_grad():
        network[0].weight[1:] = 0
    context = replace(ready(compress("sparsity", pattern="2:4")), model=network)
    assert TECHNIQUES["sparsity"].rehearse(context).detail["zero_weights"] == 320


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "ratio is required"),
        ({"pattern": "2:4", "ratio": 0.5}, "leave out ratio"),
        ({"ratio": 0.5, "kernels": "sparse"}, "leave out kernels"),
    ],
)
def test_fields_that_mean_nothing_together_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        tiny_recipe(TAUGHT, compress("sparsity", **fields))


def test_nothing_is_trained_once_weights_are_stored_for_sparse_kernels() -> None:
    with pytest.raises(DocumentError, match=r"phases.2.phase: finetune can't follow sparsity \(phases.1\)"):
        tiny_recipe(TAUGHT, compress("sparsity", pattern="2:4", kernels="sparse"), FINETUNE)
