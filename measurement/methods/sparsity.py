"""Technique `sparsity`: the weights of least magnitude become zero.

Unstructured: S. Han et al., Learning both Weights and Connections for Efficient Neural Networks, 2015,
https://arxiv.org/abs/1506.02626. Two of every four: A. Mishra et al., Accelerating Sparse Deep Neural Networks, 2021,
https://arxiv.org/abs/2104.08378. A zero saves energy only if a kernel skips it: the record says what ran.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import prune

from measurement.errors import BadInput
from measurement.methods.layers import Layer, layers_of, runs_or_refused
from measurement.methods.semi_structured import to_sparse_kernels
from measurement.networks.weight_masks import mask_zeros
from measurement.recipe import SparsityPhase
from measurement.training.context import PhaseContext, PhaseOutcome


def sparsify(context: PhaseContext) -> PhaseOutcome:
    """Set the declared share of the weights to zero, permanently; the classifier keeps all of its weights.

    Raises BadInput if a layer would lose its last weight, or if no weight is left to lose.
    """
    spec, model = context.spec_as(SparsityPhase), context.model.eval()
    layers = [layer for _, layer in layers_of(model)]
    masked = [layer for layer in layers if spec.pattern == "unstructured" or layer.weight.shape[1] % 4 == 0]
    before = _zeros(masked)
    if spec.pattern == "2:4":
        _two_of_four(masked)
    else:
        _unstructured(masked, spec)
    context.advance(0.5, "weights set to zero")
    _check(context, spec, masked, before)
    for layer in masked:
        mask_zeros(layer)
    executed_as = "dense kernels, zeros included"
    if spec.kernels == "sparse":
        executed_as = to_sparse_kernels(model, masked, context.device)
        runs_or_refused(context, "with sparse kernels")
    context.advance(1.0)
    return PhaseOutcome(model, _details(layers, masked, executed_as))


def _unstructured(layers: list[Layer], spec: SparsityPhase) -> None:
    share = spec.ratio or 0.0
    if spec.ranking == "global":
        prune.global_unstructured(
            [(layer, "weight") for layer in layers], pruning_method=prune.L1Unstructured, amount=share
        )
    else:
        for layer in layers:
            prune.l1_unstructured(layer, "weight", amount=share)
    for layer in layers:
        prune.remove(layer, "weight")


def _two_of_four(layers: list[Layer]) -> None:
    """Along the input channels, of which each layer has a multiple of four."""
    with torch.no_grad():
        for layer in layers:
            layer.weight.mul_(_two_of_four_mask(layer.weight))


def _two_of_four_mask(weight: Tensor) -> Tensor:
    """weight: (outputs, inputs, ...). True at the two largest of every four neighbouring inputs."""
    by_input = weight.detach().abs().movedim(1, -1)
    groups = by_input.reshape(*by_input.shape[:-1], -1, 4)
    mask = torch.zeros_like(groups, dtype=torch.bool)
    mask.scatter_(-1, groups.topk(2, dim=-1).indices, value=True)
    return mask.flatten(-2).movedim(-1, 1)


def _check(context: PhaseContext, spec: SparsityPhase, masked: list[Layer], before: int) -> None:
    field = context.field("ratio" if spec.pattern == "unstructured" else "pattern")
    if any(not layer.weight.count_nonzero() for layer in masked):
        raise BadInput("a layer would lose all of its weights; choose a smaller ratio", field=field)
    if spec.kernels == "dense" and _zeros(masked) <= before:
        raise BadInput(
            "no weight becomes zero that was not zero before; choose a larger ratio or another architecture, or "
            "leave the phase out",
            field=field,
        )


def _zeros(layers: list[Layer]) -> int:
    return sum(layer.weight.numel() - int(layer.weight.count_nonzero()) for layer in layers)


def _details(layers: list[Layer], masked: list[Layer], executed_as: str) -> dict[str, Any]:
    weights = sum(int(layer.get_buffer("nonzero_mask").numel()) for layer in masked)
    nonzero = sum(int(layer.get_buffer("nonzero_mask").sum()) for layer in masked)
    return {
        "layers": len(layers),
        "layers_with_zeros": len(masked),
        "weights_of_these_layers": weights,
        "zero_weights": weights - nonzero,
        "sparsity": round(1 - nonzero / weights, 6) if weights else 0.0,
        "executed_as": executed_as,
    }
