"""A second test split that is never published: a track's images, drawn again and changed a little each.

Which images, and how they are changed, follows from a key that only the worker's operator has. Torch is imported when
a split is drawn, as in every track.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

KEY_VARIABLE = "MEASUREMENT_HIDDEN_SPLIT_KEY"
ENLARGED = 8


def seed_of_draw(slug: str) -> int:
    """The seed of a track's hidden split: from MEASUREMENT_HIDDEN_SPLIT_KEY, and without one another in each run."""
    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        return secrets.randbits(63)
    return int.from_bytes(hmac.digest(key.encode(), slug.encode(), hashlib.sha256)[:8]) >> 1


def drawn_anew(
    pixels: Tensor,
    labels: Tensor,
    images: int,
    seed: int,
    *,
    rotation_degrees: float,
    shift_pixels: float,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """So many images out of `pixels` (n, channels, height, width; 0..1), each turned, moved and scaled at random.

    rotation_degrees, shift_pixels, scale: the most of each, in either direction. Images are enlarged without
    smoothing, transformed, and averaged back to their size, so that an unchanged one would be as it was.
    """
    import torch
    from torch.nn.functional import affine_grid, grid_sample, interpolate

    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(pixels), (images,), generator=generator)

    def within(most: float) -> Tensor:
        return (torch.rand(images, generator=generator) * 2 - 1) * most

    height, width = pixels.shape[-2:]
    angle, factor = within(math.radians(rotation_degrees)), torch.exp(within(math.log1p(scale)))
    along = (torch.cos(angle) / factor, torch.sin(angle) / factor)
    moved = [within(2 * shift_pixels / size) for size in (width, height)]
    rows = (
        torch.stack((along[0], -along[1], moved[0]), dim=1),
        torch.stack((along[1], along[0], moved[1]), dim=1),
    )
    enlarged = interpolate(pixels[chosen], scale_factor=ENLARGED, mode="nearest")
    grid = affine_grid(torch.stack(rows, dim=1), list(enlarged.shape), align_corners=False)
    changed = grid_sample(enlarged, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return interpolate(changed, size=(height, width), mode="area"), labels[chosen]
