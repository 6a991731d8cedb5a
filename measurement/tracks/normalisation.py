"""Mean and deviation of ImageNet's pixels by channel, scaled to 0..1, with which photographs are normalised."""

from __future__ import annotations

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
