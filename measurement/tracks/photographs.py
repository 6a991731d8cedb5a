"""Images in class folders, prepared as ImageNet's are. Importing it needs torch and torchvision."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torchvision.transforms import v2

from measurement.tracks.decoding import decoded
from measurement.tracks.files import shown
from measurement.tracks.listing import Listing
from measurement.tracks.normalisation import IMAGENET_MEAN, IMAGENET_STD
from measurement.tracks.streamed import StreamedSplit

MEAN, STD = IMAGENET_MEAN, IMAGENET_STD
CENTRE_SHARE = 0.875


@dataclass(frozen=True, slots=True)
class Photographs:
    """A `Source` of photographs, each with its class number."""

    listing: Listing

    def __len__(self) -> int:
        return len(self.listing)

    def read(self, index: int, resolution: int, *, augment: bool) -> tuple[Tensor, Tensor]:
        path = os.fsdecode(self.listing.paths[index])
        name = f"{self.listing.root.name}/{shown(path)}"
        image = decoded(self.listing.root / path, name, "RGB")
        return _prepare(resolution, augment)(image), torch.tensor(self.listing.labels[index])


def photographs(listing: Listing, resolution: int, *, augment: bool) -> StreamedSplit:
    """The split of `listing` at a resolution, pixels."""
    return StreamedSplit(Photographs(listing), resolution, augment)


@lru_cache(maxsize=8)
def _prepare(resolution: int, augment: bool) -> v2.Compose:
    place = (
        [v2.RandomResizedCrop(resolution, antialias=True), v2.RandomHorizontalFlip()]
        if augment
        else [v2.Resize(round(resolution / CENTRE_SHARE), antialias=True), v2.CenterCrop(resolution)]
    )
    return v2.Compose([*place, v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])
