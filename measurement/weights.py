"""The weights store: trained weights that recipes name by their SHA-256. Importing it needs torch.

`weights/<sha256>.safetensors` in the data root; safetensors hold numbers and no code, and nothing else is opened.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from measurement.dataroot import inside, weights_root
from measurement.errors import NOT_FOUND, BadInput, DataMissing


def load_weights(sha256: str, *, field: str) -> dict[str, Tensor]:
    """Tensors by name, on the CPU, of the stored file with this SHA-256.

    Raises DataMissing for `field` if there is none or it has another hash; BadInput if it is no safetensors.
    """
    return read_safetensors(inside(weights_root(), f"{sha256}.safetensors", field=field), field=field, sha256=sha256)


def read_safetensors(path: Path, *, field: str, sha256: str | None = None) -> dict[str, Tensor]:
    """Tensors by name, on the CPU. Raises BadInput for `field` as `load_weights` does."""
    name = path.name if sha256 is None else f"weights/{path.name}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataMissing(f"{NOT_FOUND} {name}; copy the file into weights/ in the data root", field=field) from None
    except OSError as error:
        raise DataMissing(f"{name} can't be read: {error.strerror}", field=field) from None
    # What was hashed is what is read, whoever writes to the file meanwhile.
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise DataMissing(f"{name} holds other content, with SHA-256 {found}; copy it again", field=field)
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise BadInput(f"{name} is not a safetensors file: {error}", field=field) from None
    if not tensors:
        raise BadInput(f"{name} is not a safetensors file with weights: it holds no tensor", field=field)
    return tensors
