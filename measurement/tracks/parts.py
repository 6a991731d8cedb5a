"""The training and the test part of a data set's folder, by the names that people give them. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from measurement.errors import BadInput
from measurement.tracks.files import files_of, folders_in, is_image, shown

TRAIN_NAMES = frozenset({"train", "training"})
TEST_NAMES = (frozenset({"val", "valid", "validation"}), frozenset({"test", "testing"}))
"""In any case. The first kind that is there is the test, as ImageNet's validation images are."""

_ALL_NAMES = TRAIN_NAMES.union(*TEST_NAMES)


class PartFolders(NamedTuple):
    """Names of the folders that hold the training and the test images."""

    train: str
    test: str


def find_parts(folder: Path) -> PartFolders | None:
    """The two parts of `folder`; None if it has none, or only one.

    Raises BadInput if two folders could be the same part, such as `val` and `validation`.
    """
    names = folders_in(folder)
    train = _only(folder, names, TRAIN_NAMES)
    tests = [_only(folder, names, kind) for kind in TEST_NAMES]
    test = next((name for name in tests if name is not None), None)
    return None if train is None or test is None else PartFolders(train, test)


def images_outside(folder: Path, parts: PartFolders) -> list[str]:
    """Paths of the images in neither part, such as those of a third one. Folders behind links are not entered."""
    found = sorted(item.name for item in folder.iterdir() if item.is_file() and is_image(item.name))
    for name in folders_in(folder):
        if name not in parts and not (folder / name).is_symlink():
            found += [f"{name}/{path}" for path in files_of(folder, name).images]
    return found


def is_part_name(name: str) -> bool:
    """Whether a folder of this name is usually a part of a data set and not a class."""
    return name.casefold() in _ALL_NAMES


def _only(folder: Path, names: list[str], kind: frozenset[str]) -> str | None:
    found = [name for name in names if name.casefold() in kind]
    if len(found) > 1:
        both = " and ".join(f"{shown(name)}/" for name in found)
        raise BadInput(f"{folder.name}: {both} could be the same part; leave only one of them", field="dataset.name")
    return found[0] if found else None
