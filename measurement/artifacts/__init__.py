"""Files that people upload, known by their SHA-256: where they lie, and whether they have the form of their kind.

Nothing of a file is run or unpickled here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from measurement.dataroot import data_root, inside, sha256_of
from measurement.errors import NOT_FOUND, DataMissing

FOLDER = "artifacts"
Kind = Literal["safetensors", "onnx", "dataset"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SHA256_PATTERN = r"^[0-9a-f]{64}$"


def path(sha256: str, *, field: str = "model.sha256") -> Path:
    """The file with this SHA-256, whose content was checked. Raises DataMissing for `field`."""
    found = inside(data_root(), FOLDER, sha256, field=field)
    name = f"{FOLDER}/{sha256}"
    try:
        held = sha256_of(found)
    except FileNotFoundError:
        raise DataMissing(
            f"{NOT_FOUND} {name}; copy the file into {FOLDER}/ in the data root, under this name", field=field
        ) from None
    except OSError as error:
        raise DataMissing(f"{name} can't be read: {error.strerror}", field=field) from None
    if held != sha256:
        raise DataMissing(f"{name} has other content, with SHA-256 {held}; copy it again", field=field)
    return found
