"""The paths of data sets, weights and device locks on this machine."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from measurement.errors import DataMissing

DATA_ROOT_VARIABLE = "MEASUREMENT_DATA_ROOT"
DEFAULT_DATA_ROOT = ".data"
NEEDED_BYTES = 16 * 2**20
"""Less free space than this can't be worked with: a record, its power trace and a small network's weights."""


LOCK_FOLDER_VARIABLE = "MEASUREMENT_LOCK_FOLDER"
_LOCK_FOLDERS = (Path("/run/lock"), Path("/tmp"))  # noqa: S108 - the same for every process; locks hold no secrets


def lock_folder() -> Path:
    """`MEASUREMENT_LOCK_FOLDER`, else a folder that all processes of this machine share."""
    given = os.environ.get(LOCK_FOLDER_VARIABLE, "").strip()
    if given:
        return Path(given)
    return next((folder for folder in _LOCK_FOLDERS if _is_for_all(folder)), _LOCK_FOLDERS[-1])


def lock_name(identity: str) -> str:
    """The file name of a device's lock. identity: its UUID, or `cpu`."""
    return f"energy-measurement-{re.sub(r'[^A-Za-z0-9-]', '_', identity)}.lock"


def _is_for_all(folder: Path) -> bool:
    """Whether every user may write there; otherwise two users could have two locks."""
    try:
        return bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return False


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


def why_not_writable(folder: Path, *, by_writing: bool = True) -> str:
    """The system's reason why NEEDED_BYTES can't be written to a folder, which is made if need be; empty if they can.

    by_writing: write them and remove them again, which also finds quotas and broken disks. Else only free space.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < NEEDED_BYTES:
            return os.strerror(errno.ENOSPC)
        if by_writing:
            with tempfile.TemporaryFile(dir=folder) as file:
                block = os.urandom(2**20)  # some file systems store zeros without taking space
                for _ in range(NEEDED_BYTES // len(block)):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or "it can't be written to"
    return ""


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
