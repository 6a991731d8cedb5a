"""The files of a data set's folder: which of them are images, and which are not read. No torch here."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from measurement.errors import BadInput

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
"""Those that torchvision's ImageFolder reads."""
CLASSES_FILE = "classes.txt"
ANNOTATIONS_FILE = "annotations.json"

IS_A_LINK = "is a link to a folder, and such links are not followed; copy the folder"

_LEFT_BY_SYSTEMS = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class Files:
    """Paths below a folder, sorted, with slashes: its images, and its other files except hidden ones."""

    images: tuple[str, ...]
    others: tuple[str, ...]


def files_of(folder: Path, *below: str) -> Files:
    """Everything in `folder`, or in a folder below it. Raises BadInput for a link to a folder on the way there, and
    for an image that is a link out of it."""
    for name in below:
        folder /= name
        if folder.is_symlink():
            raise BadInput(
                f"{shown(folder.relative_to(folder.parents[1]))} {IS_A_LINK}",
                field="dataset.name",
            )
    found: dict[bool, list[str]] = {True: [], False: []}
    for path in paths_below(folder):
        found[is_image(path)].append(path)
    return Files(tuple(sorted(found[True])), tuple(sorted(found[False])))


def paths_below(folder: Path) -> Iterator[str]:
    """Paths of all files below `folder` except hidden ones; folders behind links are not entered.

    Raises BadInput if it is not a folder, and for an image (or `classes.txt`) that is a link out of it.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder")
    root = folder.resolve()
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            path = Path(where, name)
            if name.startswith(".") or name.lower() in _LEFT_BY_SYSTEMS:
                continue
            if (
                (is_image(name) or is_described_by(name))
                and path.is_symlink()
                and not path.resolve().is_relative_to(root)
            ):
                raise BadInput(
                    f"{shown(path.relative_to(folder))} is a link that leads out of {folder.name}/; copy the file "
                    "instead"
                )
            yield path.relative_to(folder).as_posix()


def is_image(path: str) -> bool:
    """Whether a file's name is that of an image that is read."""
    return PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES


def counts(path: str) -> bool:
    """Whether a file is part of a data set: an image, `classes.txt`, or a part's `annotations.json`.

    path: below the data set's folder.
    """
    name, depth = PurePosixPath(path).name, path.count("/")
    return is_image(path) or name == CLASSES_FILE or (name == ANNOTATIONS_FILE and depth == 1)


def is_described_by(name: str) -> bool:
    """Whether files of this name say what is in the images."""
    return name in {CLASSES_FILE, ANNOTATIONS_FILE}


def folders_in(folder: Path) -> list[str]:
    """Names of the folders in `folder`, links to folders among them, without hidden ones; sorted."""
    with os.scandir(folder) as items:
        return sorted(item.name for item in items if item.is_dir() and not item.name.startswith("."))


def shown(path: str | os.PathLike[str]) -> str:
    """A path as text that any file can hold: letters that are not UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def not_read(paths: Sequence[str]) -> str:
    """That files are not read, as text: how many of which suffix, and an example; empty if there are none."""
    if not paths:
        return ""
    suffixes = Counter(PurePosixPath(path).suffix.lower() or "without a suffix" for path in paths)
    kinds = ", ".join(f"{count:,} {shown(suffix)}" for suffix, count in suffixes.most_common(5))
    rest = ", …" if len(suffixes) > 5 else ""
    return (
        f"{_number(len(paths), 'file')} not read ({kinds}{rest}), e.g. {shown(paths[0])}: images are "
        f"{', '.join(sorted(IMAGE_SUFFIXES))}"
    )


def not_used(paths: Sequence[str], where: str) -> str:
    """That images are not used, as text; empty if there are none. where: why, e.g. `in no class folder`."""
    return f"{_number(len(paths), 'image')} not used, {where}, e.g. {shown(paths[0])}" if paths else ""


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'s are' if count != 1 else ' is'}"


def labelled(folder: Path, notes: Sequence[str]) -> tuple[str, ...]:
    """The notes that say something, each with the name of the data set."""
    return tuple(f"{folder.name}: {note}" for note in notes if note)
