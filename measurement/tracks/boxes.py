"""Lists a data set's images with their boxes, as COCO has them. Nothing is decoded; no torch or numpy is needed.

The format: https://cocodataset.org/#format-data, `annotations.json` next to `images/` in each part.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measurement.errors import BadInput
from measurement.tracks.files import ANNOTATIONS_FILE, files_of, labelled, not_read, not_used, shown
from measurement.tracks.parts import find_parts, images_outside

MOST_BOXES, MOST_CLASSES = 500, 1000
_FORM = "see the format at cocodataset.org/#format-data"

Box = tuple[int, float, float, float, float, bool]
"""Class from 1 on; left, top, width, height in pixels; whether it stands for a crowd."""


@dataclass(frozen=True, slots=True)
class Boxed:
    """Paths of images, relative to `root`, and the boxes of each, in one order."""

    root: Path
    images: tuple[str, ...]
    boxes: tuple[tuple[Box, ...], ...]


@dataclass(frozen=True, slots=True)
class BoxFolders:
    """A data set of images with boxes; the classes are numbered from 1 in the order of their ids."""

    classes: tuple[str, ...]
    train: Boxed
    test: Boxed
    notes: tuple[str, ...] = ()


def has_boxes(folder: Path) -> bool:
    """Whether a data set's training part has boxes."""
    try:
        parts = find_parts(folder)
    except BadInput:
        return False
    return parts is not None and (folder / parts.train / ANNOTATIONS_FILE).is_file()


def read_boxes(folder: Path) -> BoxFolders:
    """`annotations.json` and `images/` in both parts. Raises BadInput for what is missing or faulty."""
    parts = find_parts(folder)
    if parts is None:
        raise BadInput(f"{folder.name}/ needs the folders train/ and test/", field="dataset.name")
    notes: list[str] = []
    (classes, train), (of_test, test) = (_part(folder, part, notes) for part in parts)
    if classes != of_test:
        both = f"{shown(parts.train)}/ and {shown(parts.test)}/"
        raise BadInput(
            f"{folder.name}: the categories of {both} differ; make them equal",
            field="dataset.name",
        )
    notes.append(not_used(images_outside(folder, parts), f"outside {shown(parts.train)}/ and {shown(parts.test)}/"))
    return BoxFolders(tuple(classes.values()), train, test, labelled(folder, notes))


def _part(folder: Path, part: str, notes: list[str]) -> tuple[dict[int, str], Boxed]:
    label = f"{folder.name}/{shown(part)}/{ANNOTATIONS_FILE}"
    document = _document(folder / part / ANNOTATIONS_FILE, label)
    classes = _classes(document, label)
    if not (folder / part / "images").is_dir():
        raise BadInput(f"{folder.name}/{shown(part)}/ needs the folder images/", field="dataset.name")
    files = files_of(folder, part, "images")
    names = _images(document, label, set(files.images))
    if not names:
        raise BadInput(f"{label} lists no image", field="dataset.name")
    boxes = _boxes(document, label, names, {number: place for place, number in enumerate(classes, 1)})
    notes.append(not_read([f"{part}/images/{path}" for path in files.others]))
    listed = set(names.values())
    notes.append(
        not_used([f"{part}/images/{path}" for path in files.images if path not in listed], "not in its list")
    )
    order = sorted(names, key=lambda number: names[number])
    images = tuple(f"images/{names[number]}" for number in order)
    return classes, Boxed(folder / part, images, tuple(tuple(boxes.get(number, ())) for number in order))


def _document(path: Path, label: str) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{label} can't be read as JSON: {str(error)[:200]}", field="dataset.name") from None
    for name in ("images", "annotations", "categories"):
        found = document.get(name) if isinstance(document, dict) else None
        if not isinstance(found, list) or any(not isinstance(item, dict) for item in found):
            raise BadInput(f"{label} has no list “{name}” of objects; {_FORM}", field="dataset.name")
    return dict(document)


def _classes(document: dict[str, Any], label: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for category in document["categories"]:
        number = category.get("id")
        if type(number) is not int or number in found:
            raise BadInput(f"{label}: each category needs a whole number of its own as id", field="dataset.name")
        found[number] = str(category.get("name", number))[:100]
    if not 1 <= len(found) <= MOST_CLASSES:
        raise BadInput(f"{label} names {len(found)} categories; use 1 to {MOST_CLASSES}", field="dataset.name")
    return dict(sorted(found.items()))


def _images(document: dict[str, Any], label: str, files: set[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for image in document["images"]:
        number, name = image.get("id"), image.get("file_name")
        if type(number) is not int or number in found:
            raise BadInput(f"{label}: each image needs a whole number of its own as id", field="dataset.name")
        if not isinstance(name, str) or name not in files:
            raise BadInput(f"{label} lists the image {name!a:.80}, which is not in images/", field="dataset.name")
        found[number] = name
    if len(set(found.values())) != len(found):
        raise BadInput(f"{label} lists an image twice; leave only one of them", field="dataset.name")
    return found


def _boxes(
    document: dict[str, Any], label: str, images: dict[int, str], classes: dict[int, int]
) -> dict[int, list[Box]]:
    found: dict[int, list[Box]] = {}
    for position, annotation in enumerate(document["annotations"]):
        where = f"{label}: annotations.{position}"
        image, category, box = (annotation.get(name) for name in ("image_id", "category_id", "bbox"))
        if type(image) is not int or image not in images:
            raise BadInput(f"{where}.image_id is {image!a:.40}, no image's id", field="dataset.name")
        if type(category) is not int or category not in classes:
            raise BadInput(
                f"{where}.category_id is {category!a:.40}, which is no category's id", field="dataset.name"
            )
        if (
            not isinstance(box, list)
            or len(box) != 4
            or not all(_is_size(value) for value in box)
            or min(box[2:]) < 0
        ):
            raise BadInput(f"{where}.bbox must be left, top, width and height in pixels", field="dataset.name")
        left, top, width, height = map(float, box)
        of_image = found.setdefault(image, [])
        of_image.append((classes[category], left, top, width, height, bool(annotation.get("iscrowd", 0))))
        if len(of_image) > MOST_BOXES:
            raise BadInput(f"{label}: {images[image]!a:.80} has more than {MOST_BOXES} boxes", field="dataset.name")
    return found


def _is_size(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e6  # type: ignore[arg-type]
