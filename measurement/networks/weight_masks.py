"""Weights that were set to zero stay zero while the network is trained. Importing it needs torch.

A layer remembers its mask in a buffer that costs nothing when the network runs; training stops the gradients of the
masked weights. AdamW and SGD, with weight decay and momentum, leave a weight of zero without gradient at zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

MASK = "nonzero_mask"


def mask_zeros(layer: nn.Module) -> None:
    """Keep the present zeros of `layer.weight`. The mask itself is not part of the saved weights; the zeros are."""
    layer.register_buffer(MASK, layer.get_parameter("weight") != 0, persistent=False)


def refresh_masks(model: nn.Module) -> None:
    """Take the masks from the weights again, after a change of the layers' shapes."""
    for layer in _masked(model).values():
        mask_zeros(layer)


def masks_of(model: nn.Module) -> dict[str, Tensor]:
    """The masks by layer name, for `apply_masks`."""
    return {name: layer.get_buffer(MASK) for name, layer in _masked(model).items()}


def apply_masks(model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Put the masks on layers that have replaced the masked ones under the same names, with the same weights."""
    for name, mask in masks.items():
        model.get_submodule(name).register_buffer(MASK, mask, persistent=False)


@contextmanager
def masked_gradients(model: nn.Module) -> Iterator[None]:
    """While open, masked weights get no gradient."""
    handles = [
        weight.register_hook(_Masked(layer))
        for layer in _masked(model).values()
        if (weight := layer.get_parameter("weight")).requires_grad
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Masked:
    """A gradient hook that keeps the gradient where the mask is true."""

    def __init__(self, layer: nn.Module) -> None:
        self._layer = layer

    def __call__(self, gradient: Tensor) -> Tensor:
        mask: Tensor = self._layer.get_buffer(MASK)
        return torch.where(mask, gradient, torch.zeros((), dtype=gradient.dtype, device=gradient.device))


def _masked(model: nn.Module) -> dict[str, nn.Module]:
    return {name: layer for name, layer in model.named_modules() if getattr(layer, MASK, None) is not None}
