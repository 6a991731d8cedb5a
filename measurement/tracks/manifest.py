"""A data set's manifest: the SHA-256 that shows whether two workers have the same files.

It covers one line per file, in the order of their paths: the file's SHA-256, its size, its path. The hashes of files
are kept below `manifests/` in the data root, so that later checks read only sizes and times.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from measurement.dataroot import data_root, datasets_root, inside
from measurement.errors import DataMissing
from measurement.tracks.files import counts, paths_below

READERS = 4

Known = dict[str, tuple[int, int, str]]
"""Path -> size in bytes, time of the last change in nanoseconds, SHA-256."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of a folder that count: images, and `classes.txt` if there is one."""

    sha256: str
    files: int
    total_bytes: int


def read_manifest(folder: Path) -> Manifest:
    """The manifest of any folder, from every byte in it. Raises BadInput if it can't be read."""
    return manifest_of(_hashed(folder, {}))


def kept_manifest(name: str, *, may_read: bool = True) -> Manifest | None:
    """The manifest of the data set `name`; only files that are new or changed since the last check are read.

    None if it would have to read files and `may_read` is false. Raises BadInput if they can't be read.
    """
    folder, record = inside(datasets_root(), name), data_root() / "manifests" / f"{name}.json"
    known = _known(record)
    if not may_read and any(known.get(path, ())[:2] != state for path, state in _listed(folder)):
        return None
    hashed = _hashed(folder, known)
    if hashed != known:
        _keep(record, hashed)
    return manifest_of(hashed)


def manifest_of(hashed: Known) -> Manifest:
    """The manifest of files whose hashes are known; their times don't matter."""
    digest = hashlib.sha256()
    for path in sorted(hashed, key=os.fsencode):
        size, _, sha256 = hashed[path]
        digest.update(f"{sha256} {size} ".encode() + os.fsencode(path) + b"\0")
    return Manifest(digest.hexdigest(), len(hashed), sum(size for size, _, _ in hashed.values()))


def _hashed(folder: Path, known: Known) -> Known:
    listed = dict(_listed(folder))
    new = [path for path, state in listed.items() if known.get(path, ())[:2] != state]
    try:
        with ThreadPoolExecutor(READERS) as readers:
            found = dict(zip(new, readers.map(lambda path: _sha256(folder / path), new), strict=True))
    except OSError as error:
        name = Path(str(error.filename)).relative_to(folder)
        raise DataMissing(f"{name} can't be read: {error.strerror}") from None
    return {path: (*state, found[path] if path in found else known[path][2]) for path, state in listed.items()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listed(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every file that counts, with size and time of the last change."""
    for path in filter(counts, paths_below(folder)):
        try:
            state = (folder / path).stat()
        except OSError as error:
            raise DataMissing(f"{path} can't be read: {error.strerror}") from None
        yield path, (state.st_size, state.st_mtime_ns)


def _known(record: Path) -> Known:
    try:
        return {path: (size, time, sha256) for path, (size, time, sha256) in json.loads(record.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # no earlier check, or the file is from another version: everything is read again


def _keep(record: Path, hashed: Known) -> None:
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=record.parent, prefix=".partial-", delete=False) as file:
            json.dump(hashed, file)
        Path(file.name).replace(record)
    except OSError:
        return  # a read-only data root: every check reads all files
