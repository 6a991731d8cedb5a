"""Which track a data set's folder is for, by what lies in it. Nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from measurement.tracks.boxes import has_boxes, read_boxes
from measurement.tracks.pairs import has_masks, read_pairs


@dataclass(frozen=True, slots=True)
class Layout:
    """What a folder holds. `notes`: files that are not read, images that are not used."""

    track: str
    classes: int
    train_images: int
    test_images: int
    notes: tuple[str, ...]


def read_layout(folder: Path) -> Layout:
    """Raises BadInput if no track can use the folder."""
    if has_boxes(folder):
        boxes = read_boxes(folder)
        return Layout("detection", len(boxes.classes), len(boxes.train.images), len(boxes.test.images), boxes.notes)
    if has_masks(folder):
        pairs = read_pairs(folder)
        return Layout("segmentation", pairs.classes, len(pairs.train.images), len(pairs.test.images), pairs.notes)
    from measurement.tracks.listing import read_class_folders  # needs numpy

    folders = read_class_folders(folder)
    return Layout("imagefolder", len(folders.classes), len(folders.train), len(folders.test), folders.notes)
