"""The paths of data sets and weights on this machine, all below one folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from measurement.errors import DataMissing

DATA_ROOT_VARIABLE = "MEASUREMENT_DATA_ROOT"
DEFAULT_DATA_ROOT = ".data"


def data_root() -> Path:
    """The folder that MEASUREMENT_DATA_ROOT names, else `.data` in the working folder, with links resolved."""
    return Path(os.environ.get(DATA_ROOT_VARIABLE) or DEFAULT_DATA_ROOT).resolve()


def datasets_root() -> Path:
    """Holds a folder for each data set."""
    return data_root() / "datasets"


def weights_root() -> Path:
    """Holds trained weights, each file named after its SHA-256."""
    return data_root() / "weights"


def inside(root: Path, *parts: str, field: str = "") -> Path:
    """The path of `parts` below `root`; it need not exist.

    Raises DataMissing for `field` if a link or `..` on the way leads out of `root`.
    """
    path = root.joinpath(*parts)
    if not path.resolve().is_relative_to(root.resolve()):
        raise DataMissing(
            f"{'/'.join(parts)} leads out of {root.name}/ in the data root; mount or copy it there", field=field
        )
    return path


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
