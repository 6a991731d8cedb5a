"""Track `segmentation`: any folder of images with class maps. Each data set has a board of its own."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path, PurePosixPath

from measurement.dataroot import datasets_root
from measurement.errors import BadInput
from measurement.tracks.base import OpenTrack, Split, Track
from measurement.tracks.manifest import CLASSES_FILE, images_below
from measurement.tracks.opened import known_data_sets, named_folder
from measurement.tracks.pairs import Pairs

MOST_CLASSES = 255


def load(name: str, manifest_sha256: str) -> Track:
    """The track of one data set, with the numbers of its classes and images."""
    return _load(datasets_root(), name, manifest_sha256)


@lru_cache(maxsize=4)
def _load(root: Path, name: str, manifest_sha256: str) -> Track:
    folder = named_folder(name, manifest_sha256)
    classes = _class_count(folder)
    train, test = (_pairs(folder, part, classes) for part in ("train", "test"))
    return SEGMENTATION.on(
        name,
        manifest_sha256,
        title=f"Segmentation of {name}",
        classes=classes,
        train_images=len(train.images),
        test_images=len(test.images),
        load_train=partial(_split, train, augment=True),
        load_test=partial(_split, test, augment=False),
    )


def _split(pairs: Pairs, resolution: int, *, augment: bool) -> Split:
    from measurement.tracks.masks import Masked
    from measurement.tracks.streamed import StreamedSplit

    return StreamedSplit(Masked(pairs), resolution, augment)


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


def _pairs(folder: Path, part: str, classes: int) -> Pairs:
    root = folder / part
    if not (root / "images").is_dir() or not (root / "masks").is_dir():
        raise BadInput(f"{folder.name}/{part}/ needs the folders images/ and masks/", field="dataset.name")
    images, masks = ({_stem(path): path for path in images_below(root / kind)} for kind in ("images", "masks"))
    if mismatched := sorted(images.keys() ^ masks.keys()):
        raise BadInput(
            f"{folder.name}/{part}: {mismatched[0]!r} has no counterpart: every image needs a mask of the same name",
            field="dataset.name",
        )
    if not images:
        raise BadInput(f"{folder.name}/{part}/images/ has no image", field="dataset.name")
    stems = sorted(images)
    return Pairs(
        root,
        tuple(f"images/{images[stem]}" for stem in stems),
        tuple(f"masks/{masks[stem]}" for stem in stems),
        classes,
    )


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def found() -> list[str]:
    """Keys of the data sets on this machine that have masks."""
    return [SEGMENTATION.key(sha256) for folder, sha256 in known_data_sets() if (folder / "train" / "masks").is_dir()]


SEGMENTATION = OpenTrack(
    slug="segmentation",
    title="Segmentation",
    dataset="any folder of images with class maps, named in the recipe with its manifest's SHA-256",
    source="https://arxiv.org/abs/1905.02244",
    protocol_version=1,
    metric="miou",
    metric_label="Mean intersection over union",
    channels=3,
    native_resolution=512,
    min_resolution=32,
    max_resolution=1024,
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
