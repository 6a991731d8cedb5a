"""A network's weights: read from the store, written as a file, and a submitter's finished ones. Needs torch.

The store is `weights/<sha256>.safetensors` in the data root. Safetensors hold numbers and no code; nothing else is
opened. A file of quantized weights holds their parts, as `name.part`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from measurement import artifacts
from measurement.dataroot import inside, weights_root
from measurement.errors import NOT_FOUND, BadInput, DataMissing
from measurement.recipe import Recipe

FINISHED_FIELD = "reported.weights_sha256"


def load_weights(sha256: str, *, field: str, uploaded: bool = False) -> dict[str, Tensor]:
    """Tensors by name, on the CPU, of the stored file with this SHA-256.

    uploaded: among the artifacts, where the worker has put it, instead of in the store. Raises DataMissing for
    `field` if there is none or it has another hash; BadInput if it is no safetensors.
    """
    if uploaded:
        return read_safetensors(artifacts.path(sha256, field=field), field=field, sha256=sha256)
    return read_safetensors(inside(weights_root(), f"{sha256}.safetensors", field=field), field=field, sha256=sha256)


def read_safetensors(path: Path, *, field: str, sha256: str | None = None) -> dict[str, Tensor]:
    """Tensors by name, on the CPU. Raises BadInput for `field` as `load_weights` does."""
    name = path.name if sha256 is None else f"{path.parent.name}/{path.name}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        remedy = f"copy the file into {path.parent.name}/ in the data root"
        raise DataMissing(f"{NOT_FOUND} {name}; {remedy}", field=field) from None
    except OSError as error:
        raise DataMissing(f"{name} can't be read: {error.strerror}", field=field) from None
    # The bytes that were hashed are the ones read, even if the file changes meanwhile.
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise DataMissing(f"{name} has other content, with SHA-256 {found}; copy it again", field=field)
    try:
        tensors = safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise BadInput(f"{name} is not a safetensors file: {error}", field=field) from None
    if not tensors:
        raise BadInput(f"{name} is not a safetensors file with weights: it holds no tensor", field=field)
    return tensors


class HoldsWeights(ABC):
    """A network that is a program with its own tensors, such as an int8 one.

    It is recognized by inheritance, not by the method: a timm network may have a parameter of that name.
    """

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Its tensors by name."""


def save_weights(model: nn.Module, path: Path) -> None:
    """Write the network's tensors to `path`; of a quantized weight its parts, as `name.part`."""
    if not isinstance(model, HoldsWeights) and all(_is_plain(tensor) for tensor in model.state_dict().values()):
        safetensors.torch.save_model(model, str(path))
        return
    # Copied, since safetensors does not allow two names for the same memory.
    tensors = plain_tensors(model).items()
    copies = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors}
    safetensors.torch.save_file(copies, str(path))


def weight_bytes(model: nn.Module) -> int:
    """Bytes of the network's parameters and buffers, and of what quantization adds to them."""
    return sum(tensor.numel() * tensor.element_size() for tensor in plain_tensors(model).values())


def plain_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The tensors that `save_weights` writes, by its names; they share the network's memory."""
    # Wrappers as they are: one that inference has made can't be detached, its parts can.
    named = model.weights() if isinstance(model, HoldsWeights) else model.state_dict(keep_vars=True)
    return {name: part for whole, tensor in named.items() for name, part in _parts(whole, tensor).items()}


def _parts(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """The plain tensors that a wrapper keeps its numbers in; a plain tensor itself."""
    if _is_plain(tensor):
        return {name: tensor.detach()}
    inner, _ = tensor.__tensor_flatten__()  # type: ignore[attr-defined]  # every wrapper has it
    found: dict[str, Tensor] = {}
    for part in inner:
        if isinstance(held := getattr(tensor, part), torch.Tensor):
            found |= _parts(f"{name}.{part}", held)
    return found


def _is_plain(tensor: Tensor) -> bool:
    return not is_traceable_wrapper_subclass(tensor)


def take_finished_weights(recipe: Recipe, model: nn.Module) -> bool:
    """Copy the weights that `recipe.reported` names into `model`; False if it names none.

    Names are those of a run's own `model.safetensors`: for a quantized weight, its parts. Raises BadInput if the
    store has none of that hash, or if a name, shape or number type is not this network's.
    """
    sha256 = recipe.reported and recipe.reported.weights_sha256
    if not sha256:
        return False
    if isinstance(model, HoldsWeights):
        raise BadInput(
            "can't be loaded into an int8_static network; leave it out to have quality reported", field=FINISHED_FIELD
        )
    uploaded = recipe.reported is not None and recipe.reported.weights_source == "upload"
    given, own = load_weights(sha256, field=FINISHED_FIELD, uploaded=uploaded), plain_tensors(model)
    # A file holds one of several tensors that share memory, such as tied weights.
    held = {own[name].data_ptr() for name in own.keys() & given.keys()}
    lacking = {name for name in own.keys() - given.keys() if own[name].data_ptr() not in held}
    alike = {name for name in own.keys() & given.keys() if _kind(own[name]) == _kind(given[name])}
    if mismatched := sorted((given.keys() - alike) | lacking):
        name = mismatched[0]
        found, wanted = (_kind(tensors[name]) if name in tensors else "not there" for tensors in (given, own))
        raise BadInput(
            f"these are not the finished weights of this recipe's network: {name} is {found}, the network's is "
            f"{wanted} ({len(mismatched)} of {len(own)} differ)",
            field=FINISHED_FIELD,
        )
    with torch.no_grad():
        for name in alike:
            own[name].copy_(given[name])
    return True


def _kind(tensor: torch.Tensor) -> str:
    shape = " x ".join(map(str, tensor.shape)) or "one number"
    return f"{shape} of {str(tensor.dtype).removeprefix('torch.')}"
