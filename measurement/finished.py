"""A submitter's finished weights in the network that the recipe makes. Importing it needs torch."""

from __future__ import annotations

import torch
from torch import nn

from measurement.errors import BadInput
from measurement.recipe import Recipe
from measurement.weights import load_weights
from measurement.weights_out import HoldsWeights, plain_tensors

FIELD = "reported.weights_sha256"


def take_finished_weights(recipe: Recipe, model: nn.Module) -> bool:
    """Copy the weights that `recipe.reported` names into `model`; False where it names none.

    They are named as a run's own `model.safetensors` is, of a quantized weight its parts. Raises BadInput where
    the store lacks them, or where a name, shape or number type is not this network's.
    """
    sha256 = recipe.reported and recipe.reported.weights_sha256
    if not sha256:
        return False
    if isinstance(model, HoldsWeights):
        raise BadInput("can't be put into an int8_static network; leave it out to have quality reported", field=FIELD)
    given, own = load_weights(sha256, field=FIELD), plain_tensors(model)
    # Of tensors that share their memory, such as tied weights, a file holds one.
    held = {own[name].data_ptr() for name in own.keys() & given.keys()}
    lacking = {name for name in own.keys() - given.keys() if own[name].data_ptr() not in held}
    alike = {name for name in own.keys() & given.keys() if _kind(own[name]) == _kind(given[name])}
    if odd := sorted((given.keys() - alike) | lacking):
        name = odd[0]
        found, wanted = (_kind(tensors[name]) if name in tensors else "not there" for tensors in (given, own))
        raise BadInput(
            f"these are not the finished weights of this recipe's network: {name} is {found}, the network's is "
            f"{wanted} ({len(odd)} of {len(own)} differ)",
            field=FIELD,
        )
    with torch.no_grad():
        for name in alike:
            own[name].copy_(given[name])
    return True


def _kind(tensor: torch.Tensor) -> str:
    shape = " x ".join(map(str, tensor.shape)) or "one number"
    return f"{shape} of {str(tensor.dtype).removeprefix('torch.')}"
