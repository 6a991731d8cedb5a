"""Technique `low_rank`: a layer's matrix is replaced by the product of two thinner ones.

By the singular value decomposition, the best approximation of a given rank (C. Eckart, G. Young, 1936). A k x k
convolution becomes k x k and 1 x 1 (X. Zhang et al., Accelerating Very Deep Convolutional Networks, 2016,
https://arxiv.org/abs/1505.06798), or k x 1 and 1 x k (C. Tai et al., Convolutional neural networks with low-rank
regularization, 2016, https://arxiv.org/abs/1511.06067).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from measurement.errors import BadInput
from measurement.methods.layers import Layer, layers_of, replace_layer, runs_or_refused
from measurement.networks.build import count_parameters
from measurement.recipe import LowRankPhase
from measurement.training.context import PhaseContext, PhaseOutcome

Decompose = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""A matrix (rows, columns) as three factors (rows, k), (k,), (k, columns), k the smaller side."""


def factorize(context: PhaseContext) -> PhaseOutcome:
    """Replace every layer that gets smaller; the classifier stays as it is.

    Raises BadInput if no layer does, or if the architecture can't run with its layers replaced.
    """
    return _factorize(context, _by_singular_values)


def rehearse_factorization(context: PhaseContext) -> PhaseOutcome:
    """The same layers with other weights, in a fraction of the time; raises as `factorize` does.

    Without singular values, only a declared rank is known.
    """
    known = context.spec_as(LowRankPhase).rank_share is not None
    return _factorize(context, _by_the_smaller_side if known else _by_singular_values)


def _factorize(context: PhaseContext, decompose: Decompose) -> PhaseOutcome:
    spec = context.spec_as(LowRankPhase)
    model = context.model.eval()
    before = count_parameters(model)
    layers, replaced = layers_of(model), 0
    for done, (name, layer) in enumerate(layers, start=1):
        pair = _split(layer, spec, decompose)
        if pair is not None:
            replace_layer(model, name, pair)
            replaced += 1
        context.advance(done / len(layers), detail=f"layer {done} of {len(layers)}")
    if not replaced:
        raise BadInput(
            "no layer of this architecture gets smaller at this rank; choose a smaller share",
            field=context.field("rank_share" if spec.rank_share is not None else "spectral_share"),
        )
    runs_or_refused(context, "with its layers factorised")
    return PhaseOutcome(
        model,
        {
            "parameters_before": before,
            "parameters_after": count_parameters(model),
            "layers": len(layers),
            "layers_factorized": replaced,
        },
    )


def _by_singular_values(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    left, singular, right = torch.linalg.svd(matrix, full_matrices=False)
    return left, singular, right


def _by_the_smaller_side(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The matrix itself and a unit matrix: factors of the right shapes, not ordered by importance."""
    rows, columns = matrix.shape
    unit = torch.eye(min(rows, columns), dtype=matrix.dtype, device=matrix.device)
    return (unit, unit.diagonal(), matrix) if rows <= columns else (matrix, unit.diagonal(), unit)


def _split(layer: Layer, spec: LowRankPhase, decompose: Decompose) -> nn.Sequential | None:
    """Two layers instead of one; None if that would not take fewer weights."""
    matrix = _matrix(layer, spec.convolution)
    rows, columns = matrix.shape
    left, singular, right = decompose(matrix.detach())
    rank = _rank(singular, spec)
    if rank * (rows + columns) >= rows * columns:
        return None
    root = singular[:rank].sqrt()
    inner, outer = root[:, None] * right[:rank], left[:, :rank] * root
    with torch.no_grad():
        return _pair(layer, inner, outer, spec.convolution)


def _matrix(layer: Layer, convolution: str) -> Tensor:
    """Weights as (outputs, inputs); (outputs x width, inputs x height) for a convolution split by direction."""
    if isinstance(layer, nn.Linear):
        return layer.weight
    outputs, inputs, height, width = layer.weight.shape
    if convolution == "channel":
        return layer.weight.reshape(outputs, -1)
    return layer.weight.permute(0, 3, 1, 2).reshape(outputs * width, inputs * height)


def _rank(singular: Tensor, spec: LowRankPhase) -> int:
    """The declared share of full rank, or the smallest rank that keeps the declared share of the squared values."""
    if spec.rank_share is not None:
        return max(1, round(spec.rank_share * len(singular)))
    kept = singular.square().cumsum(0) / singular.square().sum()
    return min(len(singular), int((kept < (spec.spectral_share or 1)).sum()) + 1)


def _pair(layer: Layer, inner: Tensor, outer: Tensor, convolution: str) -> nn.Sequential:
    """inner: (rank, columns of the matrix), outer: (rows of the matrix, rank)."""
    rank, has_bias = len(inner), layer.bias is not None
    first: Layer
    second: Layer
    if isinstance(layer, nn.Linear):
        first = nn.Linear(layer.in_features, rank, bias=False)
        second = nn.Linear(rank, layer.out_features, bias=has_bias)
    else:
        (height, width), (down, across) = _pair_of(layer.kernel_size), _pair_of(layer.stride)
        (top, side), (dilated, apart) = _pair_of(layer.padding), _pair_of(layer.dilation)
        if convolution == "channel":
            first = nn.Conv2d(
                layer.in_channels, rank, (height, width), (down, across), (top, side), (dilated, apart), bias=False
            )
            second = nn.Conv2d(rank, layer.out_channels, 1, bias=has_bias)
        else:
            first = nn.Conv2d(layer.in_channels, rank, (height, 1), (down, 1), (top, 0), (dilated, 1), bias=False)
            second = nn.Conv2d(
                rank, layer.out_channels, (1, width), (1, across), (0, side), (1, apart), bias=has_bias
            )
            outer = outer.reshape(layer.out_channels, width, rank).permute(0, 2, 1)
    pair = nn.Sequential(first, second).to(layer.weight)
    first.weight.copy_(inner.reshape(first.weight.shape))
    second.weight.copy_(outer.reshape(second.weight.shape))
    if layer.bias is not None and second.bias is not None:
        second.bias.copy_(layer.bias)
    return pair


def _pair_of(setting: tuple[int, ...] | str) -> tuple[int, int]:
    """A convolution's setting by height and width. TypeError for a padding by name, which no plain layer has."""
    if isinstance(setting, str):
        raise TypeError(f"padding {setting!r} is not a number")
    height, width = setting
    return height, width
