"""Images with boxes, stretched to a square. Importing it needs torch and torchvision."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torchvision.transforms import v2

from measurement.tracks.boxes import Boxed
from measurement.tracks.decoding import decoded
from measurement.tracks.photographs import MEAN, STD

COLUMNS = 6
"""Of a target: class from 1 on (0: no box), left, top, right, bottom in pixels, 1 for a crowd."""


@dataclass(frozen=True, slots=True)
class WithBoxes:
    """A `Source` of images with boxes, float32 (most boxes of an image, 6), rows of 0 where an image has fewer."""

    listing: Boxed

    def __len__(self) -> int:
        return len(self.listing.images)

    @property
    def most(self) -> int:
        """The most boxes of an image, at least 1."""
        return max(1, *map(len, self.listing.boxes), 1)

    def read(self, index: int, resolution: int, *, augment: bool) -> tuple[Tensor, Tensor]:
        name = self.listing.images[index]
        image = decoded(self.listing.root / name, f"{self.listing.root.name}/{name}", "RGB")
        width, height = image.size
        target = torch.zeros(self.most, COLUMNS)
        for row, (number, left, top, wide, high, crowd) in enumerate(self.listing.boxes[index]):
            corners = (left / width, top / height, (left + wide) / width, (top + high) / height)
            target[row] = torch.tensor([number, *(corner * resolution for corner in corners), crowd])
        prepared: Tensor = _prepare(resolution)(image)
        if augment and bool(torch.rand(()) < 0.5):
            prepared = prepared.flip(-1)
            is_box = target[:, 0] > 0
            target[is_box, 1], target[is_box, 3] = resolution - target[is_box, 3], resolution - target[is_box, 1]
        return prepared, target


@lru_cache(maxsize=8)
def _prepare(resolution: int) -> v2.Compose:
    return v2.Compose(
        [
            v2.ToImage(),
            v2.Resize((resolution, resolution), antialias=True),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
