"""Track `imagenet-1k`.

Source: O. Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015,
https://arxiv.org/abs/1409.0575. Its terms forbid redistribution: an operator gets it from https://image-net.org.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from measurement.dataroot import datasets_root, inside
from measurement.errors import NOT_FOUND, BadInput, DataMissing
from measurement.tracks.base import Split, Track
from measurement.tracks.normalisation import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    from measurement.tracks.listing import ClassFolders

FOLDER = "imagenet-1k"
CLASSES, TRAIN_IMAGES, TEST_IMAGES = 1000, 1_281_167, 50_000
PREPROCESSING = (
    "RGB, scaled to 0..1 and normalised with ImageNet's mean and deviation. Training: random resized crop (8 % to "
    "100 % of the area), mirrored with chance ½. Test: the shorter side resized to resolution / 0.875, centre crop; "
    "bilinear with antialiasing."
)


def lacks() -> str:
    """What is missing and where to get it, judged only by the number of class folders; empty if nothing is."""
    for part in ("train", "val"):
        found = _folders_in(inside(datasets_root(), FOLDER, part))
        if found != CLASSES:
            return (
                f"{NOT_FOUND} imagenet-1k; datasets/{FOLDER}/{part}/ has {found} of {CLASSES} class folders; "
                "get ILSVRC 2012 from https://image-net.org and sort it into train/<wnid>/ and val/<wnid>/"
            )
    return ""


def load_train(resolution: int) -> Split:
    """The 1,281,167 training images, augmented."""
    return _load(resolution, train=True)


def load_test(resolution: int) -> Split:
    """The 50,000 validation images, the usual test set."""
    return _load(resolution, train=False)


def _load(resolution: int, *, train: bool) -> Split:
    from measurement.tracks.photographs import photographs

    folders = _read(datasets_root())
    return photographs(folders.train if train else folders.test, resolution, augment=train)


@lru_cache(maxsize=1)
def _read(root: Path) -> ClassFolders:
    from measurement.tracks.listing import read_class_folders

    if lacking := lacks():
        raise DataMissing(lacking, field="track")
    try:
        folders = read_class_folders(root / FOLDER)
    except BadInput as error:
        raise DataMissing(f"{NOT_FOUND} a part of imagenet-1k; {error}", field="track") from None
    for part, listing, whole in (("train", folders.train, TRAIN_IMAGES), ("val", folders.test, TEST_IMAGES)):
        if len(listing) != whole:
            raise DataMissing(
                f"{NOT_FOUND} a part of imagenet-1k; datasets/{FOLDER}/{part}/ has {len(listing):,} of {whole:,} "
                "images",
                field="track",
            )
    return folders


def _folders_in(folder: Path) -> int:
    try:
        with os.scandir(folder) as items:
            return sum(1 for item in items if item.is_dir())
    except OSError:
        return 0


IMAGENET_1K = Track(
    slug="imagenet-1k",
    title="ImageNet-1k",
    dataset="ILSVRC 2012, 1,331,167 photographs in 1,000 classes",
    source="https://arxiv.org/abs/1409.0575",
    protocol_version=1,
    metric="top1",
    metric_label="Top-1 accuracy",
    classes=CLASSES,
    channels=3,
    native_resolution=224,
    min_resolution=32,
    max_resolution=1024,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    train_images=TRAIN_IMAGES,
    test_images=TEST_IMAGES,
    preprocessing=PREPROCESSING,
    description="Photographs of a thousand kinds of things, one centre crop each; tested on the 50,000 validation "
    "images.",
    quality_floor=0.7,
    floor_reason="ResNet-18 of 2015, the usual baseline, reaches 69.8 %; the floor is the next whole number",
    load_train=load_train,
    load_test=load_test,
    lacks=lacks,
)
