"""Linear layers whose 2:4 zeros are skipped by a card's sparse tensor cores (NVIDIA Ampere and newer)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.sparse import to_sparse_semi_structured

from measurement.methods.layers import Layer, layers_of, replace_layer

AMPERE = (8, 0)
STEP = 16
"""cuSPARSELt takes float16 matrices whose sides are multiples of 16."""


class SemiStructuredLinear(nn.Module):
    """`layer` with its weights compressed to the half that is not zero, in float16; inputs and outputs as before."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        compressed = to_sparse_semi_structured(layer.weight.detach().half())
        self.weight = nn.Parameter(compressed, requires_grad=False)
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().half(), requires_grad=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs)."""
        return linear(inputs.half().contiguous(), self.weight, self.bias).to(inputs.dtype)

    def __getstate__(self) -> dict[str, Any]:
        """It can't be pickled: torch can move compressed weights only to the CPU, so none would come back to the GPU.

        Source: torch.sparse._semi_structured_ops.semi_sparse_to_copy. A run resumes with the phase that created it.
        """
        raise TypeError("weights compressed for 2:4 kernels can't be moved to a card, so they are not kept")


def to_sparse_kernels(model: nn.Module, masked: list[Layer], device: torch.device) -> str:
    """Replace the linear layers among `masked` if `device` has sparse kernels; returns a description of what runs the
    network."""
    if not has_sparse_kernels(device):
        return "dense kernels, zeros included: this device has no 2:4 kernels"
    chosen = [
        (name, layer)
        for name, layer in layers_of(model)
        if layer in masked and isinstance(layer, nn.Linear) and _fits(layer)
    ]
    for name, layer in chosen:
        replace_layer(model, name, SemiStructuredLinear(layer))
    if not chosen:
        return f"dense kernels, zeros included: no linear layer has sides of a multiple of {STEP}"
    return f"{len(chosen)} linear layers by float16 2:4 kernels, the others dense, zeros included"


def has_sparse_kernels(device: torch.device) -> bool:
    """Whether `device` is a card with sparse tensor cores, and torch has the library for them."""
    return (
        device.type == "cuda"
        and torch.cuda.get_device_capability(device) >= AMPERE
        and torch.backends.cusparselt.is_available()
    )


def _fits(layer: nn.Linear) -> bool:
    return layer.in_features % STEP == 0 and layer.out_features % STEP == 0
