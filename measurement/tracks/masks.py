"""Images with class maps, cropped and resized together. Importing it needs torch and torchvision."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from measurement.errors import BadInput
from measurement.tracks.decoding import decoded
from measurement.tracks.pairs import Pairs
from measurement.tracks.photographs import MEAN, STD

NOT_COUNTED = 255
IGNORED = -100
LEAST_AREA = 0.5


@dataclass(frozen=True, slots=True)
class Masked:
    """A `Source` of images with class maps, int64 (resolution, resolution), -100 where pixels don't count."""

    pairs: Pairs

    def __len__(self) -> int:
        return len(self.pairs.images)

    def read(self, index: int, resolution: int, *, augment: bool) -> tuple[Tensor, Tensor]:
        image_name, mask_name = self.pairs.images[index], self.pairs.masks[index]
        part = self.pairs.root.name
        image = decoded(self.pairs.root / image_name, f"{part}/{image_name}", "RGB")
        mask = self._mask(mask_name, image.size)
        prepared, classes = _prepare(resolution, augment)(image, mask)
        classes = classes.to(torch.int64)
        return prepared, torch.where(classes == NOT_COUNTED, IGNORED, classes)

    def _mask(self, name: str, size: tuple[int, int]) -> tv_tensors.Mask:
        label = f"{self.pairs.root.name}/{name}"
        mask = decoded(self.pairs.root / name, label)
        if mask.mode not in ("L", "P"):
            raise BadInput(
                f"{label} has mode {mask.mode}; a mask needs one channel of 8 bits, or a palette", field="track"
            )
        if mask.size != size:
            raise BadInput(f"{label} has {mask.size} pixels, its image {size}; make them equal", field="track")
        values = np.array(mask)
        highest = int(values[values != NOT_COUNTED].max(initial=0))
        if highest >= self.pairs.classes:
            raise BadInput(
                f"{label} has class {highest}, but classes.txt names {self.pairs.classes} classes, counted from 0",
                field="track",
            )
        return tv_tensors.Mask(torch.from_numpy(values))


@lru_cache(maxsize=8)
def _prepare(resolution: int, augment: bool) -> v2.Compose:
    place = (
        [v2.RandomResizedCrop(resolution, scale=(LEAST_AREA, 1.0), antialias=True), v2.RandomHorizontalFlip()]
        if augment
        else [v2.Resize(resolution, antialias=True), v2.CenterCrop(resolution)]
    )
    scaled = v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True)
    return v2.Compose([v2.ToImage(), *place, scaled, v2.Normalize(MEAN, STD)])
