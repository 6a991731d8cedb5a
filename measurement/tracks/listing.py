"""Lists a data set's folder: class folders, and their images. Nothing is decoded. No torch here."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from measurement.errors import BadInput
from measurement.tracks.files import IS_A_LINK, Files, files_of, folders_in, labelled, not_read, not_used, shown
from measurement.tracks.parts import PartFolders, find_parts, images_outside, is_part_name

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
    """A data set of class folders; the classes are numbered in the order of their names.

    `notes` says which files are not read, and which images are in no class.
    """

    classes: tuple[str, ...]
    train: Listing
    test: Listing
    notes: tuple[str, ...] = ()


ByClass = dict[str, list[str]]


def read_class_folders(folder: Path) -> ClassFolders:
    """`train/<class>/…` and `val/<class>/…`, by any of their usual names; or only class folders, then split.

    Raises BadInput if a class is empty, if there is only one, if the parts' classes differ, or if folders that look
    like parts are no pair.
    """
    parts = find_parts(folder)
    return _split(folder) if parts is None else _parts(folder, parts)


def _parts(folder: Path, parts: PartFolders) -> ClassFolders:
    notes: list[str] = []
    train, test = (_part(folder, name, notes) for name in parts)
    if train.keys() != test.keys():
        mismatched = sorted(train.keys() ^ test.keys())[0]
        raise BadInput(
            f"{folder.name}: class {shown(mismatched)!r} is not in both {shown(parts.train)}/ and "
            f"{shown(parts.test)}/",
            field="dataset.name",
        )
    notes.append(not_used(images_outside(folder, parts), f"outside {shown(parts.train)}/ and {shown(parts.test)}/"))
    classes = tuple(sorted(train))
    return ClassFolders(
        classes,
        _listing(folder / parts.train, classes, train),
        _listing(folder / parts.test, classes, test),
        labelled(folder, notes),
    )


def _part(folder: Path, part: str, notes: list[str]) -> ByClass:
    files = files_of(folder, part)
    found = _by_class(folder / part, f"{folder.name}/{shown(part)}", files)
    notes.append(not_read([f"{part}/{path}" for path in files.others]))
    notes.append(not_used([f"{part}/{path}" for path in files.images if "/" not in path], "in no class folder"))
    return found


def _split(folder: Path) -> ClassFolders:
    files = files_of(folder)
    found = _by_class(folder, folder.name, files)
    _refuse_parts(folder, found)
    classes = tuple(sorted(found))
    parts: tuple[ByClass, ByClass] = ({}, {})
    for name in classes:
        for path in found[name]:
            is_test = int(hashlib.sha256(os.fsencode(path)).hexdigest(), 16) % TEST_SHARE == 0
            parts[is_test].setdefault(name, []).append(path)
    for name in classes:
        if any(name not in part for part in parts):
            raise BadInput(
                f"{folder.name}: class {shown(name)!r} has too few images to split; make folders train/ and val/ in "
                "it",
                field="dataset.name",
            )
    # Documents next to the class folders, such as a licence, are no images that someone forgot to convert.
    notes = [not_read([path for path in files.others if "/" in path])]
    notes.append(not_used([path for path in files.images if "/" not in path], "in no class folder"))
    train, test = (_listing(folder, classes, part) for part in parts)
    return ClassFolders(classes, train, test, labelled(folder, notes))


def _by_class(folder: Path, label: str, files: Files) -> ByClass:
    """The images of each class folder. label: the folder's name in messages."""
    found: ByClass = {}
    for path in files.images:
        name, slash, _ = path.partition("/")
        if slash:
            found.setdefault(name, []).append(path)
    if len(found) == 1 and is_part_name(name := next(iter(found))):
        raise BadInput(
            f"{label}: there is {shown(name)}/, and no other part; put train/ and val/ into one folder, or only "
            "class folders",
            field="dataset.name",
        )
    for name in folders_in(folder):
        if name not in found:
            raise BadInput(f"{label}: class {shown(name)!r} {_why_empty(folder, name, files)}", field="dataset.name")
    if len(found) < 2:
        only = f": {shown(next(iter(found)))!r}" if found else ""
        raise BadInput(
            f"{label}/ has {len(found)} class folders with images{only}; at least 2 are required",
            field="dataset.name",
        )
    return found


def _why_empty(folder: Path, name: str, files: Files) -> str:
    if (folder / name).is_symlink():
        return IS_A_LINK
    if others := [path for path in files.others if path.startswith(f"{name}/")]:
        return f"has no images: {not_read(others)}; convert them, or remove the folder"
    return "has no images; add some, or remove the folder"


def _refuse_parts(folder: Path, found: ByClass) -> None:
    """Refuse folders that would be read as classes, though they look like the parts of a data set."""
    inner = {name: {path.split("/")[1] for path in paths if path.count("/") > 1} for name, paths in found.items()}
    nested = [name for name, paths in found.items() if all(path.count("/") > 1 for path in paths)]
    for name in nested:
        if is_part_name(name):
            raise BadInput(
                f"{folder.name}: {shown(name)}/ has class folders, and its counterpart is missing; name the two "
                "parts train/ and val/",
                field="dataset.name",
            )
    common = set.intersection(*inner.values())
    if len(nested) == len(found) and len(common) > 1:
        names, classes = (", ".join(shown(item) for item in sorted(items)[:5]) for items in (found, common))
        raise BadInput(
            f"{folder.name}: {names} all have the folders {classes}, so they look like parts and not like classes; "
            "name the parts train/ and val/, or put a class's images directly into its folder",
            field="dataset.name",
        )


def _listing(root: Path, classes: tuple[str, ...], found: ByClass) -> Listing:
    # Arrays, not lists of strings: processes that read the images share them without copying.
    paths = np.array([os.fsencode(path) for name in classes for path in found[name]], dtype=np.bytes_)
    counts = [len(found[name]) for name in classes]
    return Listing(root, paths, np.repeat(np.arange(len(classes), dtype=np.int64), counts))
