"""A split whose images are all in the device's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from measurement.tracks.base import Batch, batch_bounds
from measurement.tracks.numbering import full_batches


@dataclass(frozen=True, slots=True)
class ResidentSplit:
    """Images as float32 (n, channels, resolution, resolution), normalised, and labels as int64 (n,).

    `originals` are the same images before they were resized; other resolutions are made from them, so that they equal
    what the track loads at those.
    """

    images: Tensor
    labels: Tensor
    originals: Tensor

    waited_s = 0.0

    @classmethod
    def of(cls, originals: Tensor, labels: Tensor, resolution: int) -> Self:
        """The images resized bilinearly; shrinking averages over pixels."""
        return cls(_resized(originals, resolution), labels, originals)

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    @property
    def resolution(self) -> int:
        return int(self.images.shape[-1])

    def to(self, device: torch.device) -> Self:
        return type(self)(self.images.to(device), self.labels.to(device), self.originals.to(device))

    def at(self, resolution: int) -> Self:
        if resolution == self.resolution:
            return self
        return type(self).of(self.originals, self.labels, resolution)

    def batches(self, batch_size: int, order: torch.Generator | None = None) -> Iterator[Batch]:
        if order is None:
            for start, end in batch_bounds(len(self), batch_size):
                yield self.images[start:end], self.labels[start:end]
            return
        shuffled = torch.randperm(len(self), generator=order).to(self.labels.device)
        for start, end in batch_bounds(len(self), batch_size):
            chosen = shuffled[start:end]
            yield self.images[chosen], self.labels[chosen]

    def batch_count(self, batch_size: int) -> int:
        return sum(1 for _ in batch_bounds(len(self), batch_size))

    def part(self, images: Sequence[int]) -> Self:
        chosen = torch.as_tensor(images, dtype=torch.int64, device=self.labels.device)
        return type(self)(self.images[chosen], self.labels[chosen], self.originals[chosen])

    def first(self, count: int) -> Batch:
        return self.images[:count], self.labels[:count]

    def loaded(self, batch_size: int, ended: Callable[[], bool]) -> Iterator[Tensor]:
        originals = self.originals.cpu()
        for numbers in full_batches(len(self), batch_size, ended):
            yield _resized(originals[numbers], self.resolution).to(self.images.device)


def _resized(originals: Tensor, resolution: int) -> Tensor:
    size = (resolution, resolution)
    return interpolate(originals, size=size, mode="bilinear", align_corners=False, antialias=True)
