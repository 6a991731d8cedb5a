"""Track `detection`: any folder of images with boxes, as COCO has them. Each data set has a board of its own."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path

from measurement.dataroot import data_root
from measurement.tracks.base import OpenTrack, Split, Track
from measurement.tracks.boxes import Boxed, has_boxes, read_boxes
from measurement.tracks.normalisation import IMAGENET_MEAN, IMAGENET_STD
from measurement.tracks.opened import known_data_sets, named_folder


def load(name: str, manifest_sha256: str, archive_sha256: str | None = None) -> Track:
    """The track of one data set, with the numbers of its classes and images."""
    return _load(data_root(), name, manifest_sha256, archive_sha256)


@lru_cache(maxsize=4)
def _load(root: Path, name: str, manifest_sha256: str, archive_sha256: str | None) -> Track:
    folders = read_boxes(named_folder(name, manifest_sha256, archive_sha256))
    return DETECTION.on(
        name,
        manifest_sha256,
        is_uploaded=archive_sha256 is not None,
        title=f"Detection in {name}",
        classes=len(folders.classes),
        train_images=len(folders.train.images),
        test_images=len(folders.test.images),
        load_train=partial(_split, folders.train, augment=True),
        load_test=partial(_split, folders.test, augment=False),
        data_notes=folders.notes,
    )


def _split(listing: Boxed, resolution: int, *, augment: bool) -> Split:
    from measurement.tracks.boxed import WithBoxes
    from measurement.tracks.streamed import StreamedSplit

    return StreamedSplit(WithBoxes(listing), resolution, augment)


def found() -> list[str]:
    """Keys of the data sets on this machine that have boxes."""
    return [DETECTION.key(sha256) for folder, sha256 in known_data_sets() if has_boxes(folder)]


DETECTION = OpenTrack(
    slug="detection",
    title="Detection",
    dataset="any folder of images with boxes as COCO has them, named in the recipe with its manifest's SHA-256",
    source="https://cocodataset.org/#detection-eval",
    protocol_version=1,
    metric="map",
    metric_label="Mean average precision",
    channels=3,
    native_resolution=320,
    min_resolution=64,
    max_resolution=1024,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    preprocessing="RGB, stretched to a square of the resolution (bilinear with antialiasing), scaled to 0..1 and "
    "normalised with ImageNet's mean and deviation. Training: mirrored with chance ½. Test: nothing else.",
    description="Boxes with classes: a detector of torchvision, judged by COCO's mean average precision at overlaps "
    "of 0.50 to 0.95, by pycocotools. Workers that hold the same files, by their manifest, can verify them.",
    quality_floor=0.2,
    floor_reason="SSDLite with MobileNetV3, the smallest detector of torchvision, reaches 21.3 % on COCO; the floor "
    "is just below",
    load=load,
    found=found,
)
