"""Track `segmentation`: any folder of images with class maps. Each data set has a board of its own."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path

from measurement.dataroot import data_root
from measurement.tracks.base import OpenTrack, Split, Track
from measurement.tracks.boxes import has_boxes
from measurement.tracks.normalisation import IMAGENET_MEAN, IMAGENET_STD
from measurement.tracks.opened import known_data_sets, named_folder
from measurement.tracks.pairs import Pairs, has_masks, read_pairs


def load(name: str, manifest_sha256: str, archive_sha256: str | None = None) -> Track:
    """The track of one data set, with the numbers of its classes and images."""
    return _load(data_root(), name, manifest_sha256, archive_sha256)


@lru_cache(maxsize=4)
def _load(root: Path, name: str, manifest_sha256: str, archive_sha256: str | None) -> Track:
    folders = read_pairs(named_folder(name, manifest_sha256, archive_sha256))
    return SEGMENTATION.on(
        name,
        manifest_sha256,
        is_uploaded=archive_sha256 is not None,
        title=f"Segmentation of {name}",
        classes=folders.classes,
        train_images=len(folders.train.images),
        test_images=len(folders.test.images),
        load_train=partial(_split, folders.train, augment=True),
        load_test=partial(_split, folders.test, augment=False),
        data_notes=folders.notes,
    )


def _split(pairs: Pairs, resolution: int, *, augment: bool) -> Split:
    from measurement.tracks.masks import Masked
    from measurement.tracks.streamed import StreamedSplit

    return StreamedSplit(Masked(pairs), resolution, augment)


def found() -> list[str]:
    """Keys of the data sets on this machine that have masks."""
    return [
        SEGMENTATION.key(sha256)
        for folder, sha256 in known_data_sets()
        if has_masks(folder) and not has_boxes(folder)
    ]


SEGMENTATION = OpenTrack(
    slug="segmentation",
    title="Segmentation",
    dataset="any folder of images with class maps, named in the recipe with its manifest's SHA-256",
    source="https://arxiv.org/abs/1905.02244",
    protocol_version=2,
    metric="miou",
    metric_label="Mean intersection over union",
    channels=3,
    native_resolution=512,
    min_resolution=32,
    max_resolution=1024,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    preprocessing="RGB, scaled to 0..1 and normalised with ImageNet's mean and deviation. Training: random resized "
    "crop (50 % to 100 % of the area), mirrored with chance ½. Test: the shorter side resized to the resolution, "
    "centre crop; images bilinear with antialiasing, masks by the nearest pixel. Value 255 of a mask does not count.",
    description="A class for every pixel: a timm backbone with the LR-ASPP head of MobileNetV3, judged by the mean "
    "intersection over union of the classes. Workers that hold the same files, by their manifest, can verify them.",
    quality_floor=0.55,
    floor_reason="one class for every pixel reaches at most 50 %, with two classes, and less with more; the floor is "
    "5 points above",
    load=load,
    found=found,
)
