"""A detector of torchvision as a network among the others: images in, one tensor out. Importing it needs torch."""

from __future__ import annotations

from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import pad
from torchvision.models.detection.transform import GeneralizedRCNNTransform

MOST_FOUND = 100
"""Boxes of an image, as many as COCO's metric counts."""


class Detector(nn.Module):
    """Boxes (n, 100, 6) for images (n, 3, resolution, resolution), normalised: class from 1 on, left, top, right,
    bottom, score; rows of 0 where fewer are found. With random weights, and nothing is downloaded."""

    def __init__(self, name: str, classes: int, resolution: int) -> None:
        super().__init__()
        self.network = torchvision.models.get_model(
            name, weights=None, weights_backbone=None, num_classes=classes + 1
        )
        self.network.transform = _AsTheyAre(resolution, self.network.transform.size_divisible)

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([_rows(answer).to(images.dtype) for answer in self.network(list(images))])

    def loss(self, images: Tensor, targets: Tensor) -> Tensor:
        """The sum of the losses that the detector's paper names. targets: as `measurement.tracks.boxed` has them."""
        losses = self.network(list(images), [_target(rows) for rows in targets])
        return torch.stack(list(losses.values())).sum()


class _AsTheyAre(GeneralizedRCNNTransform):  # type: ignore[misc]  # torchvision has no types
    """The track has resized and normalised the images."""

    def __init__(self, resolution: int, size_divisible: int) -> None:
        super().__init__(resolution, resolution, [0.0] * 3, [1.0] * 3, size_divisible=size_divisible)

    def normalize(self, image: Tensor) -> Tensor:
        return image

    def resize(self, image: Tensor, target: Any = None) -> tuple[Tensor, Any]:
        return image, target


def _rows(answer: dict[str, Tensor]) -> Tensor:
    """The best boxes of an image."""
    found = torch.cat([answer["labels"][:, None], answer["boxes"], answer["scores"][:, None]], dim=1)
    best = found[answer["scores"].argsort(descending=True)[:MOST_FOUND]]
    return pad(best, (0, 0, 0, MOST_FOUND - len(best)))


def _target(rows: Tensor) -> dict[str, Tensor]:
    """Without crowds, and without boxes that have no area."""
    boxes = rows[:, 1:5]
    counted = (rows[:, 0] > 0) & (rows[:, 5] == 0) & (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    return {"boxes": boxes[counted], "labels": rows[counted, 0].to(torch.int64)}
