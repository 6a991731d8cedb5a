"""The finished network's weights as a safetensors file, also of networks whose weights are no plain tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass


class HoldsWeights(ABC):
    """A network that is a program over tensors of its own, such as an int8 one.

    By inheritance, not by having the method: a network of timm's may well have a parameter of that name.
    """

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Its tensors by name."""


def save_weights(model: nn.Module, path: Path) -> None:
    """Write the network's tensors to `path`; of a quantized weight its parts, as `name.part`."""
    if not isinstance(model, HoldsWeights) and all(_is_plain(tensor) for tensor in model.state_dict().values()):
        safetensors.torch.save_model(model, str(path))
        return
    # Copied, since safetensors takes no two names for one piece of memory.
    tensors = plain_tensors(model).items()
    copies = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors}
    safetensors.torch.save_file(copies, str(path))


def weight_bytes(model: nn.Module) -> int:
    """Bytes of all that the network keeps: parameters, buffers, and what quantization adds to them."""
    return sum(tensor.numel() * tensor.element_size() for tensor in plain_tensors(model).values())


def plain_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The tensors that `save_weights` writes, by its names; they share the network's memory."""
    named = model.weights() if isinstance(model, HoldsWeights) else model.state_dict()
    return {name: part for whole, tensor in named.items() for name, part in _parts(whole, tensor).items()}


def _parts(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """The plain tensors that a wrapper keeps its numbers in; a plain tensor itself."""
    if _is_plain(tensor):
        return {name: tensor.detach()}
    inner, _ = tensor.__tensor_flatten__()  # type: ignore[attr-defined]
    found: dict[str, Tensor] = {}
    for part in inner:
        if isinstance(held := getattr(tensor, part), torch.Tensor):
            found |= _parts(f"{name}.{part}", held)
    return found


def _is_plain(tensor: Tensor) -> bool:
    return not is_traceable_wrapper_subclass(tensor)
