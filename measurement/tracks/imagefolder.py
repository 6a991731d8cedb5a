"""Track `imagefolder`: any folder of class folders. Each data set has a board of its own."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from measurement.dataroot import data_root
from measurement.tracks.base import OpenTrack, Split, Track
from measurement.tracks.boxes import has_boxes
from measurement.tracks.imagenet import PREPROCESSING
from measurement.tracks.normalisation import IMAGENET_MEAN, IMAGENET_STD
from measurement.tracks.opened import known_data_sets, named_folder
from measurement.tracks.pairs import has_masks

if TYPE_CHECKING:
    from measurement.tracks.listing import ClassFolders


def load(name: str, manifest_sha256: str, archive_sha256: str | None = None) -> Track:
    """The track of one data set, with the numbers of its classes and images."""
    return _load(data_root(), name, manifest_sha256, archive_sha256)


@lru_cache(maxsize=4)
def _load(root: Path, name: str, manifest_sha256: str, archive_sha256: str | None) -> Track:
    from measurement.tracks.listing import read_class_folders

    folders = read_class_folders(named_folder(name, manifest_sha256, archive_sha256))
    return IMAGEFOLDER.on(
        name,
        manifest_sha256,
        is_uploaded=archive_sha256 is not None,
        title=f"Image folder {name}",
        classes=len(folders.classes),
        train_images=len(folders.train),
        test_images=len(folders.test),
        load_train=partial(_split, folders, train=True),
        load_test=partial(_split, folders, train=False),
        data_notes=folders.notes,
    )


def _split(folders: ClassFolders, resolution: int, *, train: bool) -> Split:
    from measurement.tracks.photographs import photographs

    return photographs(folders.train if train else folders.test, resolution, augment=train)


def found() -> list[str]:
    """Keys of the data sets on this machine that are class folders."""
    others = (has_masks, has_boxes)
    known = known_data_sets()
    return [IMAGEFOLDER.key(sha256) for folder, sha256 in known if not any(other(folder) for other in others)]


IMAGEFOLDER = OpenTrack(
    slug="imagefolder",
    title="Image folder",
    dataset="any folder of class folders, named in the recipe with its manifest's SHA-256",
    source="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html",
    protocol_version=2,
    metric="top1",
    metric_label="Top-1 accuracy",
    channels=3,
    native_resolution=224,
    min_resolution=16,
    max_resolution=1024,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    preprocessing=PREPROCESSING,
    description="Your own images in class folders. Workers that hold the same files, by their manifest, can verify "
    "them; other data are another board.",
    quality_floor=0.6,
    floor_reason="one answer for all images reaches 50 % with two equal classes, and less with more; the floor is 10 "
    "points above",
    load=load,
    found=found,
)
