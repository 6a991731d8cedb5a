"""Track `digits`: scikit-learn's 1,797 scanned digits, small enough for any machine.

Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49 (the test part, as bundled with scikit-learn).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from measurement.tracks.base import HiddenSplit, Split, Track
from measurement.tracks.hidden import drawn_anew

if TYPE_CHECKING:
    from torch import Tensor

TEST_IMAGES = 360
HIDDEN_IMAGES = 1440
LEVELS = 16
SPLIT_SEED = 20210813
# Of the training part's pixels, scaled to 0..1 at 8 x 8.
PIXEL_MEAN = 0.3053
PIXEL_STD = 0.3762


def _pixels(part: str) -> tuple[Tensor, Tensor]:
    """Images, float32 (n, 1, 8, 8), 0..1, and their labels."""
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    indices = train_test_split(
        range(len(digits.target)), test_size=TEST_IMAGES, random_state=SPLIT_SEED, stratify=digits.target
    )
    chosen = indices[0] if part == "train" else indices[1]
    pixels = torch.tensor(digits.images[chosen], dtype=torch.float32).unsqueeze(1) / LEVELS
    labels = torch.tensor(digits.target[chosen], dtype=torch.int64)
    return pixels, labels


def _split(pixels: Tensor, labels: Tensor, resolution: int) -> Split:
    from measurement.tracks.resident import ResidentSplit

    return ResidentSplit.of((pixels - PIXEL_MEAN) / PIXEL_STD, labels, resolution)


@lru_cache(maxsize=2)
def load_train(resolution: int) -> Split:
    """The 1,437 training images, bilinearly resized to `resolution` pixels."""
    return _split(*_pixels("train"), resolution)


@lru_cache(maxsize=2)
def load_test(resolution: int) -> Split:
    """The 360 test images, bilinearly resized to `resolution` pixels."""
    return _split(*_pixels("test"), resolution)


def load_hidden(resolution: int, seed: int) -> Split:
    """1,440 images drawn from the training part, each changed a little and in 17 levels like the originals.

    Not from the test part: what knows only that by heart is to be seen. A network that learned from the training part
    finds about as many of these as of the test images.
    """
    drawn, labels = drawn_anew(
        *_pixels("train"), HIDDEN_IMAGES, seed, rotation_degrees=3, shift_pixels=0.125, scale=0.02
    )
    return _split((drawn * LEVELS).round() / LEVELS, labels, resolution)


DIGITS = Track(
    slug="digits",
    title="Handwritten digits",
    dataset="UCI Optical Recognition of Handwritten Digits (scikit-learn), 1,797 images of 8 x 8 pixels",
    source="https://doi.org/10.24432/C50P49",
    protocol_version=1,
    metric="top1",
    metric_label="Top-1 accuracy",
    classes=10,
    channels=1,
    native_resolution=8,
    min_resolution=8,
    max_resolution=128,
    mean=(PIXEL_MEAN,),
    std=(PIXEL_STD,),
    train_images=1437,
    test_images=TEST_IMAGES,
    preprocessing="Pixels scaled to 0..1 and normalised; resized bilinearly. No augmentation.",
    description="A small task that every machine can verify in under a minute: it shows how a board works, and that "
    "a worker is set up. 1,437 images to train on, 360 stratified ones to test on, resized bilinearly.",
    quality_floor=0.95,
    floor_reason="the nearest class mean of the raw pixels answers 89 % of the test; the floor is 6 points above",
    load_train=load_train,
    load_test=load_test,
    is_bundled=True,
    hidden=HiddenSplit(
        load=load_hidden,
        images=HIDDEN_IMAGES,
        largest_gap=0.03,
        description="1,440 training images, each turned by up to 3°, moved by up to an eighth of a pixel and scaled "
        "by up to 2 %, as the worker's key draws them.",
    ),
)
