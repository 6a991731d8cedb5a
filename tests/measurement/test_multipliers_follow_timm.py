"""Width and depth multipliers are accepted if timm's builder supports them, and refused by name if not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from measurement.errors import BadInput
from measurement.networks.build import build_network, count_parameters
from measurement.recipe import Model
from measurement.tracks import TRACKS

DIGITS = TRACKS["digits"]


def network(architecture: str, **multipliers: float) -> nn.Module:
    return build_network(Model(architecture=architecture, resolution=32, **multipliers), DIGITS, torch.device("cpu"))


def last_channels(model: nn.Module) -> int:
    return int(model.get_classifier().in_features)  # type: ignore[operator, union-attr]


@pytest.mark.parametrize("architecture", ["test_resnet", "resnet10t", "test_vit", "test_convnext", "starnet_s050"])
def test_half_the_width_is_half_the_channels(architecture: str) -> None:
    whole, half = network(architecture), network(architecture, width=0.5)
    assert last_channels(half) == last_channels(whole) / 2
    assert count_parameters(half) < 0.6 * count_parameters(whole)


@pytest.mark.parametrize(
    ("architecture", "blocks", "expected"),
    [
        ("resnet18", "layer1", 1),
        ("resnet18", "layer4", 1),
        ("test_vit", "blocks", 3),
        ("test_convnext", "stages.2.blocks", 2),
    ],
)
def test_half_the_depth_is_half_the_blocks_rounded_up(architecture: str, blocks: str, expected: int) -> None:
    whole, half = network(architecture), network(architecture, depth=0.5)
    assert len(half.get_submodule(blocks)) == expected  # type: ignore[arg-type]
    assert -(-len(whole.get_submodule(blocks)) // 2) == expected  # type: ignore[arg-type]
    assert last_channels(half) == last_channels(whole)


def test_both_at_once() -> None:
    wide_and_shallow = network("resnet18", width=2, depth=0.5)
    assert last_channels(wide_and_shallow) == 1024
    assert len(wide_and_shallow.get_submodule("layer3")) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("architecture", "multipliers", "words"),
    [
        ("mobilenetv3_small_050", {"width": 0.5}, "takes no width multiplier; leave width at 1"),
        ("densenet121", {"depth": 0.5}, "takes no depth multiplier; leave depth at 1"),
        # Its builder takes a multiplier, but has one of its own in mind: 0.5 would not be half of what it is.
        ("rexnet_150", {"width": 0.5}, "takes no width multiplier"),
        ("test_resnet", {"depth": 0.5}, "depth 0.5 changes nothing after rounding"),
    ],
)
def test_what_a_builder_does_not_take_is_named(architecture: str, multipliers: dict[str, float], words: str) -> None:
    with pytest.raises(BadInput, match=words) as raised:
        network(architecture, **multipliers)
    assert raised.value.field == f"model.{next(iter(multipliers))}"
