"""Lists a data set's folder: class folders, and their images. Nothing is decoded. No torch here."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from measurement.errors import BadInput
from measurement.tracks.manifest import images_below

TEST_NAMES = ("val", "test")
TEST_SHARE = 5
"""Without a split in the folder, every fifth image (by the SHA-256 of its path) is for the test."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Images of one part: paths below `root` as bytes (n,), class numbers int64 (n,)."""

    root: Path
    paths: NDArray[np.bytes_]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """A data set of class folders; the classes are numbered in the order of their names."""

    classes: tuple[str, ...]
    train: Listing
    test: Listing


def read_class_folders(folder: Path) -> ClassFolders:
    """`train/<class>/…` and `val/<class>/…` (or `test/`); or only class folders, which are then split.

    Raises BadInput if a part or a class is empty, or if the parts' classes differ.
    """
    test_name = next((name for name in TEST_NAMES if (folder / name).is_dir()), None)
    if not (folder / "train").is_dir() or test_name is None:
        return _split(folder)
    train, test = _by_class(folder / "train"), _by_class(folder / test_name)
    if train.keys() != test.keys():
        mismatched = sorted(train.keys() ^ test.keys())[0]
        raise BadInput(
            f"{folder.name}: class {mismatched!r} is not in both train/ and {test_name}/", field="dataset.name"
        )
    classes = tuple(sorted(train))
    return ClassFolders(
        classes, _listing(folder / "train", classes, train), _listing(folder / test_name, classes, test)
    )


def _split(folder: Path) -> ClassFolders:
    found = _by_class(folder)
    classes = tuple(sorted(found))
    parts: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
    for name in classes:
        for path in found[name]:
            is_test = int(hashlib.sha256(os.fsencode(path)).hexdigest(), 16) % TEST_SHARE == 0
            parts[is_test].setdefault(name, []).append(path)
    for name in classes:
        if any(name not in part for part in parts):
            raise BadInput(
                f"{folder.name}: class {name!r} has too few images to split; make folders train/ and val/ in it",
                field="dataset.name",
            )
    return ClassFolders(classes, *(_listing(folder, classes, part) for part in parts))


def _by_class(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in images_below(folder):
        name, slash, _ = path.partition("/")
        if slash:
            found.setdefault(name, []).append(path)
    if len(found) < 2:
        raise BadInput(f"{folder.name}/ has {len(found)} class folders with images; at least 2 are required")
    return found


def _listing(root: Path, classes: tuple[str, ...], found: dict[str, list[str]]) -> Listing:
    # Arrays, not lists of strings: processes that read the images share them without copying.
    paths = np.array([os.fsencode(path) for name in classes for path in found[name]], dtype=np.bytes_)
    counts = [len(found[name]) for name in classes]
    return Listing(root, paths, np.repeat(np.arange(len(classes), dtype=np.int64), counts))
