"""A split of small images that are kept on the device as bytes, and resized and normalised batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from measurement.tracks.base import Batch, batch_bounds
from measurement.tracks.numbering import full_batches

PADDING = 4
"""Pixels around an image of which a random crop is taken (K. He et al., 2016, https://arxiv.org/abs/1512.03385)."""


@dataclass(frozen=True, slots=True)
class PixelSplit:
    """Images as uint8 (n, channels, height, height), labels as int64 (n,); mean and deviation by channel, of 0..1.

    `augment`: batches in a random order are cropped and flipped at random too, all drawn from the order's generator.
    """

    pixels: Tensor
    labels: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resolution: int
    augment: bool = False

    waited_s = 0.0

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    def to(self, device: torch.device) -> Self:
        return replace(self, pixels=self.pixels.to(device), labels=self.labels.to(device))

    def at(self, resolution: int) -> Self:
        return replace(self, resolution=resolution)

    def batches(self, batch_size: int, order: torch.Generator | None = None) -> Iterator[Batch]:
        if order is None:
            for start, end in batch_bounds(len(self), batch_size):
                yield self._prepared(self.pixels[start:end]), self.labels[start:end]
            return
        shuffled = torch.randperm(len(self), generator=order).to(self.labels.device)
        for start, end in batch_bounds(len(self), batch_size):
            chosen = shuffled[start:end]
            pixels = self.pixels[chosen]
            yield self._prepared(shifted_and_flipped(pixels, order) if self.augment else pixels), self.labels[chosen]

    def batch_count(self, batch_size: int) -> int:
        return sum(1 for _ in batch_bounds(len(self), batch_size))

    def part(self, images: Sequence[int]) -> Self:
        chosen = torch.as_tensor(images, dtype=torch.int64, device=self.labels.device)
        return replace(self, pixels=self.pixels[chosen], labels=self.labels[chosen])

    def first(self, count: int) -> Batch:
        return self._prepared(self.pixels[:count]), self.labels[:count]

    def loaded(self, batch_size: int, ended: Callable[[], bool]) -> Iterator[Tensor]:
        pixels = self.pixels.cpu()
        for numbers in full_batches(len(self), batch_size, ended):
            yield self._prepared(pixels[numbers]).to(self.pixels.device)

    def _prepared(self, pixels: Tensor) -> Tensor:
        mean, std = (torch.tensor(values, device=pixels.device).view(1, -1, 1, 1) for values in (self.mean, self.std))
        images = (pixels.float() / 255 - mean) / std
        if self.resolution == images.shape[-1]:
            return images
        size = (self.resolution, self.resolution)
        return interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=True)


def shifted_and_flipped(pixels: Tensor, draw: torch.Generator) -> Tensor:
    """Each image (n, channels, size, size) moved by up to PADDING pixels both ways, and mirrored with chance ½."""
    count, _, size, _ = pixels.shape
    shifts = torch.randint(2 * PADDING + 1, (2, count, 1), generator=draw).to(pixels.device)
    flips = (torch.rand(count, 1, generator=draw) < 0.5).to(pixels.device)
    along = torch.arange(size, device=pixels.device)
    rows = shifts[0] + along
    columns = shifts[1] + torch.where(flips, along.flip(0), along)
    images = torch.arange(count, device=pixels.device)[:, None, None]
    moved = pad(pixels, (PADDING,) * 4).permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)
