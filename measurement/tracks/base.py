"""What a track is: a dataset, a quality metric and an evaluation protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Split:
    """Images as float32 (n, channels, resolution, resolution), normalised, and labels as int64 (n,)."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return int(self.labels.shape[0])


@dataclass(frozen=True, slots=True)
class Track:
    """A board of its own: only models verified under one track's protocol are ranked together.

    `load_train` and `load_test` take a resolution in pixels; they import torch when called, so that the list of
    tracks can be shown where torch is not installed.
    """

    slug: str
    title: str
    dataset: str
    source: str
    protocol_version: int
    metric: str
    metric_label: str
    classes: int
    channels: int
    native_resolution: int
    min_resolution: int
    max_resolution: int
    train_images: int
    test_images: int
    description: str
    load_train: Callable[[int], Split]
    load_test: Callable[[int], Split]
