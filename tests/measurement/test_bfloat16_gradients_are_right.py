"""Convolutions in bfloat16 on a CPU, whose memory is full of what was there before, against float32."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from measurement.training.job import Job, cross_entropy
from measurement.training.numerics import autocast
from measurement.training.one_column import OneColumnWithoutStride
from tests.measurement.running import TRAIN, tiny_recipe
from tests.measurement.test_methods_train_and_prune import context

# Each computes one column, or one pixel: kernel, stride, padding, dilation, and height and width of the images.
ONE_COLUMN: list[tuple[Any, Any, Any, Any, tuple[int, int]]] = [
    (3, 2, 1, 1, (1, 1)),
    (3, 2, 1, 1, (2, 2)),
    (3, (1, 2), 1, 1, (4, 2)),
    (2, 2, 0, 1, (8, 2)),
    (3, 3, [1], 1, (2, 2)),
    (5, 2, 2, 1, (1, 1)),
    (3, 2, 2, 2, (2, 2)),
    (1, 2, 0, 1, (2, 2)),
    (3, 2, "valid", 1, (3, 3)),
]
OTHERS: list[tuple[Any, Any, Any, Any, tuple[int, int]]] = [
    (3, 2, 1, 1, (3, 3)),
    (3, 1, 1, 1, (1, 1)),
    (3, 1, "same", 1, (4, 4)),
    (3, 2, "valid", 1, (5, 5)),
]


def dirty_memory() -> None:
    """Numbers that no sum here comes near lie in what torch allocates next."""
    blocks = [torch.full((2**power,), 1e30) for power in range(8, 20)]
    del blocks


def computed(images: Tensor, weight: Tensor, groups: int, *shape: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The outputs, and the gradients of images and weights if all outputs count alike."""
    images, weight = images.clone().requires_grad_(), weight.clone().requires_grad_()
    outputs = conv2d(images, weight, None, *shape, groups)
    dirty_memory()
    outputs.backward(torch.ones_like(outputs))
    assert images.grad is not None
    assert weight.grad is not None
    return outputs.detach(), images.grad, weight.grad


@pytest.mark.parametrize("groups", [1, 32])
@pytest.mark.parametrize("shape", ONE_COLUMN + OTHERS, ids=str)
def test_outputs_and_gradients_are_those_of_float32(shape: tuple[Any, ...], groups: int) -> None:
    kernel, *sizes, pixels = shape
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(16, 32, *pixels, generator=generator).bfloat16()
    weight = torch.randn(32, 32 // groups, kernel, kernel, generator=generator).bfloat16()
    expected = computed(images.float(), weight.float(), groups, *sizes)
    for _ in range(3):
        dirty_memory()
        with OneColumnWithoutStride():
            found = computed(images, weight, groups, *sizes)
        for ours, exact in zip(found, expected, strict=True):
            # bfloat16 keeps 8 bits: a rounded sum is off by at most 2^-9 of itself, and sums of sums by a few of it.
            assert float((ours.float() - exact).abs().max()) <= 2**-7 * float(exact.abs().max())


@pytest.mark.parametrize(("precision", "steps"), [("bfloat16", (2, 1)), ("float32", (2, 2))])
def test_the_step_to_a_single_column_is_left_out_in_bfloat16_alone(precision: str, steps: tuple[int, int]) -> None:
    at_work = context(tiny_recipe(TRAIN | {"precision": precision}))
    images = torch.ones(2, 1, 2, 2, requires_grad=True)
    with autocast(Job(at_work, at_work.spec, cross_entropy(at_work.spec))):
        outputs = nn.Conv2d(1, 1, 3, stride=2, padding=1)(images)
    assert outputs.shape == (2, 1, 1, 1)
    assert tuple(outputs.grad_fn._saved_stride) == steps


def test_such_a_network_is_traced_as_one_graph() -> None:
    at_work = context(tiny_recipe(TRAIN | {"precision": "bfloat16"}))
    layers = nn.Sequential(nn.Conv2d(1, 4, 3, 8, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2, 1))
    traced = torch.compile(layers, backend="eager", fullgraph=True)
    images = torch.rand(2, 1, 16, 16)
    with autocast(Job(at_work, at_work.spec, cross_entropy(at_work.spec))):
        assert torch.equal(traced(images), layers(images))
