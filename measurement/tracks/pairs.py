"""Lists a data set's images with their class maps. Nothing is decoded; neither torch nor numpy is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from measurement.errors import BadInput
from measurement.tracks.files import CLASSES_FILE, files_of, labelled, not_read, not_used, shown
from measurement.tracks.parts import find_parts, images_outside

KINDS = ("images", "masks")
MOST_CLASSES = 255


@dataclass(frozen=True, slots=True)
class Pairs:
    """Paths of images and of their class maps, both relative to `root`, in one order."""

    root: Path
    images: tuple[str, ...]
    masks: tuple[str, ...]
    classes: int


@dataclass(frozen=True, slots=True)
class PairFolders:
    """A data set of images with class maps. `notes` says which files are not read, and which images not used."""

    classes: int
    train: Pairs
    test: Pairs
    notes: tuple[str, ...] = ()


def has_masks(folder: Path) -> bool:
    """Whether a data set's training part has a folder of class maps."""
    try:
        parts = find_parts(folder)
    except BadInput:
        return False
    return parts is not None and (folder / parts.train / "masks").is_dir()


def read_pairs(folder: Path) -> PairFolders:
    """`classes.txt`, and `images/` and `masks/` in both parts. Raises BadInput if something is missing or doubled."""
    classes = _class_count(folder)
    parts = find_parts(folder)
    if parts is None:
        raise BadInput(f"{folder.name}/ needs the folders train/ and test/", field="dataset.name")
    notes: list[str] = []
    train, test = (_pairs(folder, part, classes, notes) for part in parts)
    notes.append(not_used(images_outside(folder, parts), f"outside {shown(parts.train)}/ and {shown(parts.test)}/"))
    return PairFolders(classes, train, test, labelled(folder, notes))


def _class_count(folder: Path) -> int:
    try:
        names = (folder / CLASSES_FILE).read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        raise BadInput(
            f"{folder.name}/{CLASSES_FILE} can't be read; write one class per line, the first is 0 in the masks",
            field="dataset.name",
        ) from None
    count = len([name for name in names if name.strip()])
    if not 2 <= count <= MOST_CLASSES:
        raise BadInput(
            f"{folder.name}/{CLASSES_FILE} names {count} classes; use 2 to {MOST_CLASSES}", field="dataset.name"
        )
    return count


def _pairs(folder: Path, part: str, classes: int, notes: list[str]) -> Pairs:
    root = folder / part
    if not all((root / kind).is_dir() for kind in KINDS):
        raise BadInput(f"{folder.name}/{shown(part)}/ needs the folders images/ and masks/", field="dataset.name")
    images, masks = (_by_stem(folder, part, kind, notes) for kind in KINDS)
    if mismatched := sorted(images.keys() ^ masks.keys()):
        raise BadInput(
            f"{folder.name}/{shown(part)}: {shown(mismatched[0])!r} has no counterpart: every image needs a mask of "
            "the same name",
            field="dataset.name",
        )
    if not images:
        raise BadInput(f"{folder.name}/{shown(part)}/images/ has no image", field="dataset.name")
    stems = sorted(images)
    return Pairs(root, tuple(images[stem] for stem in stems), tuple(masks[stem] for stem in stems), classes)


def _by_stem(folder: Path, part: str, kind: str, notes: list[str]) -> dict[str, str]:
    """Path in the part of each image of a kind, by its name without the suffix."""
    files = files_of(folder, part, kind)
    notes.append(not_read([f"{part}/{kind}/{path}" for path in files.others]))
    found: dict[str, str] = {}
    for path in files.images:
        stem = str(PurePosixPath(path).with_suffix(""))
        if stem in found:
            raise BadInput(
                f"{folder.name}/{shown(part)}: {shown(found[stem])} and {kind}/{shown(path)} have the same name; "
                "leave only one of them",
                field="dataset.name",
            )
        found[stem] = f"{kind}/{path}"
    return found
