"""What `cifar10` and `cifar100` share: A. Krizhevsky's files, as torchvision reads them. Nothing is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measurement.dataroot import datasets_root, inside
from measurement.errors import NOT_FOUND, DataMissing
from measurement.tracks.base import Split, Track

if TYPE_CHECKING:
    from torch import Tensor

RESOLUTION = 32
FLOOR_MARGIN = 0.2
PREPROCESSING = (
    "Pixels scaled to 0..1 and normalised by channel, resized bilinearly with antialiasing. In training, each image "
    "is cropped at random out of its 4-pixel zero padding and mirrored with chance ½."
)


@dataclass(frozen=True, slots=True)
class Cifar:
    """One of the two data sets: torchvision's class for it, its folder below `datasets/`, the files in it.

    mean, std: of the training part's pixels by channel, scaled to 0..1.
    """

    torchvision_class: str
    folder: str
    files: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def lacks(self) -> str:
        """Which file is missing and where to get it; empty if none is."""
        missing = [name for name in self.files if not inside(datasets_root(), self.folder, name).is_file()]
        if not missing:
            return ""
        return (
            f"{NOT_FOUND} datasets/{self.folder}/{missing[0]}; unpack the Python version of "
            "https://www.cs.toronto.edu/~kriz/cifar.html into the data root's datasets/"
        )

    def load_train(self, resolution: int) -> Split:
        """The 50,000 training images, cropped and mirrored at random."""
        return self._split(resolution, train=True)

    def load_test(self, resolution: int) -> Split:
        """The 10,000 test images."""
        return self._split(resolution, train=False)

    def track(self, *, slug: str, title: str, classes: int, kinds: str, baseline: float) -> Track:
        """The track of this data set. kinds: its classes in words; baseline: a linear classifier's quality."""
        return Track(
            slug=slug,
            title=title,
            dataset=f"{title}, 60,000 images of 32 x 32 pixels in {classes} classes",
            source="https://www.cs.toronto.edu/~kriz/cifar.html",
            protocol_version=1,
            metric="top1",
            metric_label="Top-1 accuracy",
            classes=classes,
            channels=3,
            native_resolution=RESOLUTION,
            min_resolution=16,
            max_resolution=256,
            mean=self.mean,
            std=self.std,
            train_images=50_000,
            test_images=10_000,
            preprocessing=PREPROCESSING,
            description=f"Small photographs of {kinds}; the published split, 50,000 images to train on and 10,000 to "
            "test on.",
            quality_floor=round(baseline + FLOOR_MARGIN, 2),
            floor_reason=f"a linear classifier of the raw pixels reaches about {baseline:.0%}; the floor is "
            f"{FLOOR_MARGIN * 100:.0f} points above".replace("%", " %"),
            load_train=self.load_train,
            load_test=self.load_test,
            lacks=self.lacks,
        )

    def _split(self, resolution: int, *, train: bool) -> Split:
        from measurement.tracks.pixels import PixelSplit

        pixels, labels = _read(self, datasets_root(), train)
        return PixelSplit(pixels, labels, self.mean, self.std, resolution, augment=train)


@lru_cache(maxsize=2)
def _read(cifar: Cifar, root: Path, train: bool) -> tuple[Tensor, Tensor]:
    import torch
    from torchvision import datasets

    if lacking := cifar.lacks():
        raise DataMissing(lacking, field="track")
    published = getattr(datasets, cifar.torchvision_class)
    _check(published, root / cifar.folder)
    found = published(str(root), train=train, download=False)
    return torch.from_numpy(found.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(found.targets)


def _check(published: Any, folder: Path) -> None:
    """The files are pickles, which may hold code: only those with the published MD5 are opened."""
    from torchvision.datasets.utils import check_integrity

    for name, md5 in (
        *published.train_list,
        *published.test_list,
        (published.meta["filename"], published.meta["md5"]),
    ):
        if not check_integrity(str(folder / name), md5):
            raise DataMissing(
                f"datasets/{folder.name}/{name} is not the published file (its MD5 differs); unpack it again",
                field="track",
            )
