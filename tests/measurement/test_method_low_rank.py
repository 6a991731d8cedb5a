"""Layers become two thinner ones that compute nearly the same, and the network can be trained on."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from measurement.documents import DocumentError
from measurement.errors import BadInput
from measurement.methods import TECHNIQUES
from measurement.methods.layers import layers_of
from measurement.networks.build import count_macs, count_parameters
from tests.measurement.compressing import FINETUNE, TAUGHT, accuracy, after, compress, untrained
from tests.measurement.running import tiny_recipe

KINDS = ["channel", "spatial"]


@pytest.mark.parametrize("convolution", KINDS)
def test_a_network_of_low_rank_computes_the_same_with_fewer_weights(convolution: str) -> None:
    """Every layer is made of the rank that is kept: nothing may be lost, whatever stride, padding and shape."""
    context = untrained(tiny_recipe(TAUGHT, compress("low_rank", rank_share=0.25, convolution=convolution)), 1)
    for _, layer in layers_of(context.model):
        _make_low_rank(layer, convolution)
    before = copy.deepcopy(context.model).eval()
    outcome = TECHNIQUES["low_rank"].run(context)
    images = context.train.first(8)[0]
    with torch.inference_mode():
        torch.testing.assert_close(outcome.model(images), before(images), rtol=1e-3, atol=1e-4)
    assert count_parameters(outcome.model) == outcome.detail["parameters_after"] < 0.6 * count_parameters(before)
    assert (count_macs(outcome.model, images[:1]) or 0) < 0.6 * (count_macs(before, images[:1]) or 0)


@pytest.mark.parametrize(
    "fields", [{"rank_share": 0.3}, {"rank_share": 0.3, "convolution": "spatial"}, {"spectral_share": 0.8}]
)
def test_the_rehearsal_leaves_the_same_layers(fields: dict[str, Any]) -> None:
    context = untrained(tiny_recipe(TAUGHT, compress("low_rank", **fields)), 1)
    technique, rehearsed = TECHNIQUES["low_rank"], replace(context, model=copy.deepcopy(context.model))
    details = technique.rehearse(rehearsed).detail, technique.run(context).detail
    assert details[0] == details[1]
    shapes = [
        {name: tensor.shape for name, tensor in each.model.state_dict().items()} for each in (rehearsed, context)
    ]
    assert shapes[0] == shapes[1]


def _make_low_rank(layer: nn.Conv2d | nn.Linear, convolution: str) -> None:
    """Weights of a quarter of the full rank, in the matrix that the kind of split looks at."""
    outputs, inputs, *kernel = layer.weight.shape
    rows, columns = (outputs, inputs) if not kernel else (outputs, inputs * kernel[0] * kernel[1])
    if kernel and convolution == "spatial":
        rows, columns = outputs * kernel[1], inputs * kernel[0]
    rank = max(1, round(0.25 * min(rows, columns)))
    matrix = torch.randn(rows, rank) @ torch.randn(rank, columns) / (rank * columns) ** 0.5
    if kernel and convolution == "spatial":
        matrix = matrix.reshape(outputs, kernel[1], inputs, kernel[0]).permute(0, 2, 3, 1)
    with torch.no_grad():
        layer.weight.copy_(matrix.reshape(layer.weight.shape))


def test_the_spectrum_chooses_the_rank_of_each_layer_and_training_goes_on() -> None:
    outcome = after(compress("low_rank", spectral_share=0.9), FINETUNE)
    assert accuracy(outcome.model) > 0.9
    ranks = {
        pair[0].out_channels / min(pair[1].out_channels, pair[0].weight[0].numel())
        for pair in outcome.model.modules()
        if isinstance(pair, nn.Sequential) and len(pair) == 2 and isinstance(pair[1], nn.Conv2d)
    }
    assert len(ranks) > 3  # shares of the full rank that differ from layer to layer


@pytest.mark.parametrize("field", ["rank_share", "spectral_share"])
def test_a_rank_at_which_nothing_shrinks_is_refused(field: str) -> None:
    context = untrained(tiny_recipe(TAUGHT, compress("low_rank", **{field: 0.9999})), 1)
    with pytest.raises(BadInput, match="smaller share") as raised:
        TECHNIQUES["low_rank"].rehearse(context)
    assert raised.value.field == f"phases.1.{field}"


def test_an_architecture_that_looks_into_its_layers_is_refused() -> None:
    recipe = tiny_recipe(TAUGHT, compress("low_rank", rank_share=0.2))
    context = untrained(recipe, 1)

    class Looks(type(context.model)):  # type: ignore[misc]
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(images) + self.layer1[0].conv1.weight.sum()

    context.model.__class__ = Looks
    with pytest.raises(BadInput, match=r"can't run with its layers factorised .*choose another") as raised:
        TECHNIQUES["low_rank"].rehearse(replace(context))
    assert raised.value.field == "phases.1.technique"


@pytest.mark.parametrize("fields", [{}, {"rank_share": 0.5, "spectral_share": 0.5}])
def test_one_measure_of_rank_is_given(fields: dict[str, float]) -> None:
    with pytest.raises(DocumentError, match="either rank_share or spectral_share"):
        tiny_recipe(TAUGHT, compress("low_rank", **fields))
