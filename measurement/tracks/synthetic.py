"""Images of noise in a track's shape, for the energy of a sample on a worker without the track's data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch

from measurement.errors import DataMissing
from measurement.tracks.base import Batch, Track, batch_bounds

POOL_IMAGES = 512
"""Number of different images; a longer batch repeats them. Their content does not change the work of any kernel."""


@dataclass(frozen=True, slots=True)
class SyntheticSplit:
    """`count` images in the shape of `track`, from a pool on `device`. The seed is fixed."""

    track: Track
    count: int
    resolution: int
    device: torch.device

    waited_s = 0.0

    def __len__(self) -> int:
        return self.count

    def to(self, device: torch.device) -> Self:
        return replace(self, device=device)

    def at(self, resolution: int) -> Self:
        return replace(self, resolution=resolution)

    def batches(self, batch_size: int, order: torch.Generator | None = None) -> Iterator[Batch]:
        """Batches of the right number and size, always of the pool's images in its order."""
        images, labels = self._pool(max(end - start for start, end in batch_bounds(self.count, batch_size)))
        for start, end in batch_bounds(self.count, batch_size):
            yield images[: end - start], labels[: end - start]

    def batch_count(self, batch_size: int) -> int:
        return sum(1 for _ in batch_bounds(self.count, batch_size))

    def part(self, images: Sequence[int]) -> Self:
        return replace(self, count=len(images))

    def first(self, count: int) -> Batch:
        return self._pool(min(count, self.count))

    def loaded(self, batch_size: int, ended: Callable[[], bool]) -> Iterator[torch.Tensor]:
        """Noise is not loaded from anywhere: what a loader costs can't be found with it."""
        raise DataMissing("end_to_end needs the track's own images", field="inference.scenarios")

    def _pool(self, count: int) -> Batch:
        draw = torch.Generator().manual_seed(0)
        shape = (min(count, POOL_IMAGES), self.track.channels, self.resolution, self.resolution)
        repeats = -(-count // shape[0])
        images = torch.randn(shape, generator=draw).repeat(repeats, 1, 1, 1)[:count]
        one_label = () if self.track.metric != "miou" else (self.resolution, self.resolution)
        labels = torch.randint(self.track.classes, (count, *one_label), generator=draw)
        return images.to(self.device), labels.to(self.device)
