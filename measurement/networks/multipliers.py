"""Width and depth multipliers of timm's architectures. Importing it needs torch.

timm has no common option for them: some builders take a multiplier, some lists of channels and blocks a stage, some
an embedding and a number of blocks. What a builder takes is found by trying, on torch's meta device, where a network
has shapes and no numbers: an option is right if the values of the unchanged architecture are accepted and leave it
unchanged.

Width multiplies channels, rounded to multiples of 8 (A. Howard et al., MobileNets, https://arxiv.org/abs/1704.04861),
or the heads of a transformer; depth multiplies the blocks of each stage, rounded up (M. Tan, Q. Le, EfficientNet,
https://arxiv.org/abs/1905.11946).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torch import nn

Create = Callable[..., nn.Module]
"""Builds the architecture with further options of its timm builder."""

Options = dict[str, Any]
Axis = Literal["width", "depth"]

CHANNELS = ("channels", "dims", "embed_dims")
BLOCKS = ("layers", "depths")


class NotMultiplied(ValueError):
    """This architecture can't be built with such a multiplier; the message says why, and the remedy."""

    def __init__(self, axis: Axis, message: str) -> None:
        super().__init__(message)
        self.axis = axis


def multiplier_options(create: Create, axis: Axis, factor: float) -> Options:
    """Options of `create` for the architecture with its channels or its blocks times `factor`; empty for 1.

    Raises NotMultiplied if timm's builder takes no such multiplier, or if the rounded numbers change nothing.
    """
    if factor == 1:
        return {}
    ways = _wider if axis == "width" else _deeper
    network, shapes = _outline(create) or (None, [])
    if network is None:
        raise NotMultiplied(
            axis, f"timm can't build it on the meta device, so how its {axis} is set is unknown; leave {axis} at 1"
        )
    for as_it_is, multiplied in zip(ways(network, 1.0), ways(network, factor), strict=True):
        same, other = _outline(create, **as_it_is), _outline(create, **multiplied)
        if same is None or other is None or same[1] != shapes:
            continue
        if other[1] == shapes:
            raise NotMultiplied(
                axis, f"{axis} {factor:g} changes nothing after rounding; choose a value further from 1"
            )
        return multiplied
    raise NotMultiplied(axis, f"timm's builder of this architecture takes no {axis} multiplier; leave {axis} at 1")


def _outline(create: Create, **options: Any) -> tuple[nn.Module, list[tuple[str, torch.Size]]] | None:
    """The network on the meta device with its parameters' names and shapes; None if it can't be built."""
    try:
        with torch.device("meta"):
            network = create(**options)
    except Exception:
        # timm's builders run arbitrary code: any exception means that it can't be built with these options.
        return None
    return network, [(name, parameter.shape) for name, parameter in network.named_parameters()]


def _wider(network: nn.Module, factor: float) -> Iterator[Options]:
    yield from ({name: factor} for name in ("channel_multiplier", "width_mult", "width_factor"))
    channels = [_channels(stage, at, factor) for stage, at in _stages(network)]
    yield from ({name: tuple(channels)} for name in CHANNELS)
    yield {"base_dim": channels[0] if channels else 0}
    embedding, heads = getattr(network, "embed_dim", None), _heads(network)
    if isinstance(embedding, int) and heads:
        kept = max(1, round(heads * factor))
        yield {"embed_dim": embedding // heads * kept, "num_heads": kept}


def _deeper(network: nn.Module, factor: float) -> Iterator[Options]:
    yield from ({name: factor} for name in ("depth_multiplier", "depth_mult"))
    blocks = [_times(_blocks(stage), factor) for stage, _ in _stages(network)]
    yield from ({name: tuple(blocks)} for name in BLOCKS)
    sequence = getattr(network, "blocks", None)
    if isinstance(sequence, nn.Sequential | nn.ModuleList):
        yield {"depth": _times(len(sequence), factor)}


def _stages(network: nn.Module) -> list[tuple[nn.Module, int]]:
    """timm's stages and the channels that each ends with; empty if the architecture has none."""
    found: dict[str, tuple[nn.Module, int]] = {}
    for feature in getattr(network, "feature_info", None) or []:
        name = feature["module"] if isinstance(feature, dict) else ""
        if name.startswith(("layer", "stages.")):
            found[name] = (network.get_submodule(name), feature["num_chs"])
    return list(found.values())


def _channels(stage: nn.Module, ends_with: int, factor: float) -> int:
    """The number that the builder takes: a residual block ends with `expansion` times as many."""
    block = next(stage.children(), stage)
    width = ends_with // int(getattr(block, "expansion", 1) or 1)
    return width if factor == 1 else max(8, round(width * factor / 8) * 8)


def _blocks(stage: nn.Module) -> int:
    blocks = getattr(stage, "blocks", stage)
    return len(blocks) if isinstance(blocks, nn.Sequential | nn.ModuleList) else 0


def _times(count: int, factor: float) -> int:
    return max(1, math.ceil(count * factor - 1e-9))


def _heads(network: nn.Module) -> int | None:
    for module in network.modules():
        heads = getattr(module, "num_heads", None)
        if isinstance(heads, int):
            return heads
    return None
