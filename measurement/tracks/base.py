"""What a track is: a dataset, a quality metric and an evaluation protocol."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, TypeVar

if TYPE_CHECKING:
    import torch

"""How every message about missing data begins."""

Batch = tuple["torch.Tensor", "torch.Tensor"]
"""Images, float32 (n, channels, resolution, resolution), normalised; and targets: class numbers, int64 (n,), or for
a dense task class maps, int64 (n, resolution, resolution), -100 (torch's ignore_index) where pixels don't count; or
in detection boxes, float32 (n, most boxes, 6), as `measurement.tracks.boxed` has them."""


class Split(Protocol):
    """The training or the test part of a track, at one resolution, its batches on one device."""

    def __len__(self) -> int:
        """Number of images."""
        ...

    @property
    def resolution(self) -> int:
        """Height and width of the images, pixels."""
        ...

    @property
    def waited_s(self) -> float:
        """Seconds that consumers have waited for data so far; 0 if the images are on the device.

        One sum for the split and everything made from it: its parts, and the same images at other resolutions.
        """
        ...

    def to(self, device: torch.device) -> Self:
        """The same images with their batches on `device`."""
        ...

    def at(self, resolution: int) -> Self:
        """The same images at another resolution, for progressive resizing."""
        ...

    def batches(self, batch_size: int, order: torch.Generator | None = None) -> Iterator[Batch]:
        """Each image once, in the batches of `batch_bounds`; in a random order if a generator is given."""
        ...

    def batch_count(self, batch_size: int) -> int:
        """How many batches that makes."""
        ...

    def part(self, images: Sequence[int]) -> Self:
        """Some of the images, by their numbers, in the order given: to hold images back for validation."""
        ...

    def first(self, count: int) -> Batch:
        """The first `count` images (all if there are fewer), resident on the device."""
        ...

    def loaded(self, batch_size: int, ended: Callable[[], bool]) -> Iterator[torch.Tensor]:
        """Batches of exactly `batch_size` images as a deployed model gets them, in the split's order, endlessly.

        Each is read, decoded and prepared in the machine's memory and then moved to the device, whether or not the
        images are there already; never augmented. `ended` is asked once before each batch is begun, and not again
        once it is true: what has been begun by then still comes.
        """
        ...


S = TypeVar("S", bound=Split)


def held_back(split: S, share: float, seed: int) -> tuple[S, S]:
    """A split in two, by a draw with the given seed: the images to train on, and a `share` of them to validate on.

    At least one image on either side; raises ValueError for a split of one image.
    """
    count = len(split)
    if count < 2:
        raise ValueError(f"{count} image(s) can't be split in two")
    validation = min(max(1, round(share * count)), count - 1)
    drawn = random.Random(seed).sample(range(count), count)  # noqa: S311 - reproducible, not secret
    return split.part(drawn[validation:]), split.part(drawn[:validation])


def batch_bounds(images: int, batch_size: int) -> Iterator[tuple[int, int]]:
    """Start and end of each batch. A last batch of one image is merged with the one before: batch normalisation needs
    two."""
    for start in range(0, images, batch_size):
        left = images - start
        if left == 1 and start and batch_size > 1:
            return
        yield start, images if left == batch_size + 1 and batch_size > 1 else min(start + batch_size, images)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackProtocol:
    """A track's dataset, metric and evaluation protocol, which are known without its data.

    A change of any of them that changes a figure increments `protocol_version`. `preprocessing` says how images reach
    the network, in training and in the test; `mean` and `std` are what its pixels, scaled to 0..1, are normalised
    with, by channel. Resolutions are in pixels. `quality_floor` is the least quality, 0 to 1, at which a model does
    the track's job: below it nothing is ranked unless a reader asks; `floor_reason` says why.
    """

    slug: str
    title: str
    dataset: str
    source: str
    protocol_version: int
    metric: Literal["top1", "miou", "map"]
    metric_label: str
    channels: int
    native_resolution: int
    min_resolution: int
    max_resolution: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    preprocessing: str
    description: str
    quality_floor: float
    floor_reason: str

    @property
    def is_dense(self) -> bool:
        """Whether a target is a class for every pixel, and not one for the image."""
        return self.metric == "miou"

    @property
    def has_boxes(self) -> bool:
        """Whether a target is a list of boxes."""
        return self.metric == "map"


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenSplit:
    """A second test split, which is never published: weights that know the public one show by it.

    `load` takes a resolution in pixels and the seed of the draw (`measurement.tracks.hidden`). `largest_gap`: by how
    much the quality on the public split may be above that on this one before a person looks at the result, if chance
    does not explain it. `description` says how it is drawn.
    """

    load: Callable[[int, int], Split]
    images: int
    largest_gap: float
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Track(TrackProtocol):
    """A board of its own: only models verified under one track's protocol are ranked together.

    `load_train` and `load_test` take a resolution in pixels; they import torch when called, so that the list of
    tracks can be shown without torch. They raise DataMissing if the data are not here, BadInput if a file of them is
    faulty; `lacks` says what is missing without loading any, and is empty if nothing is.
    `is_bundled`: the data come with the packages, so every worker has them. `data_notes`: files of the data set that
    are not read, images that are not used. `hidden`: the second test split, if any.
    """

    classes: int
    train_images: int
    test_images: int
    load_train: Callable[[int], Split]
    load_test: Callable[[int], Split]
    lacks: Callable[[], str] = lambda: ""
    is_bundled: bool = False
    data_notes: tuple[str, ...] = ()
    hidden: HiddenSplit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrack(TrackProtocol):
    """A protocol for any data, which the recipe names: one board for each data set.

    `load` takes the data set's name, its manifest's SHA-256 and, if it was uploaded, that of its archive, and returns
    the track, with what depends on the data.
    Raises DataMissing if they are not on this machine or others have that name. `found` lists the keys of the data
    sets on this machine; a data set whose manifest was never made is not among them.
    """

    classes: ClassVar[None] = None
    train_images: ClassVar[None] = None
    test_images: ClassVar[None] = None
    hidden: ClassVar[None] = None

    load: Callable[[str, str, str | None], Track]
    found: Callable[[], list[str]]

    def key(self, manifest_sha256: str, *, is_uploaded: bool = False, private_to: int | None = None) -> str:
        """The slug of the board of one data set, e.g. `imagefolder-0123456789ab`.

        One that was uploaded has a board of its own, e.g. `imagefolder-upload-0123456789ab`: any worker can fetch it.
        private_to: the number of the account that alone sees the results, on yet another board.
        """
        public = f"{self.slug}{UPLOADED if is_uploaded else '-'}{manifest_sha256[:KEY_DIGITS]}"
        return public if private_to is None else f"{public}{PRIVATE}{private_to}"

    def on(self, name: str, manifest_sha256: str, *, is_uploaded: bool = False, **found: Any) -> Track:
        """The track of one data set: this protocol, with the fields of Track that its data give."""
        protocol = {part.name: getattr(self, part.name) for part in fields(TrackProtocol)}
        key = self.key(manifest_sha256, is_uploaded=is_uploaded)
        protocol |= {"slug": key, "dataset": f"{name}, manifest {manifest_sha256}"}
        return Track(**protocol | found)


UPLOADED = "-upload-"
"""In the key of a data set that a submitter uploaded, and in no other."""
PRIVATE = "-private-"
"""In the key of results that one account alone sees, before its number, and in no other."""
MOST_ACCOUNT_DIGITS = 9
KEY_DIGITS = 12
