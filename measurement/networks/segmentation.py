"""A class for every pixel: a timm backbone with MobileNetV3's LR-ASPP head. Importing it needs torch.

A. Howard et al., Searching for MobileNetV3, ICCV 2019, section 6.4, https://arxiv.org/abs/1905.02244. The backbone's
own stride is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

HEAD_CHANNELS = 128
FINE_REDUCTION = 8
"""The finer of the two maps is the deepest one that is at most so many times smaller than the image."""

CreateBackbone = Callable[..., nn.Module]
"""Builds the backbone with timm's options `features_only` and `out_indices`."""


class LiteSegmenter(nn.Module):
    """Class scores (n, classes, height, width) for images (n, channels, height, width).

    The deepest map, weighted by what its pooled self says, is brought to the size of a finer map; each is classified
    and the scores are added. `backbone_options` are those that the backbone was created with.
    """

    def __init__(self, create: CreateBackbone, classes: int, example: Tensor) -> None:
        super().__init__()
        self.backbone, self.backbone_options = _backbone(create)
        shapes = self._sizes(example)
        fine, deep = shapes
        self.head = nn.Sequential(
            nn.Conv2d(deep, HEAD_CHANNELS, 1, bias=False), nn.BatchNorm2d(HEAD_CHANNELS), nn.ReLU()
        )
        self.attention = nn.Conv2d(deep, HEAD_CHANNELS, 1, bias=False)
        self.classifier = nn.ModuleList([nn.Conv2d(fine, classes, 1), nn.Conv2d(HEAD_CHANNELS, classes, 1)])

    def forward(self, images: Tensor) -> Tensor:
        fine, deep = self._maps(images)
        weighted = self.head(deep) * self.attention(adaptive_avg_pool2d(deep, 1)).sigmoid()
        of_fine, of_deep = self.classifier
        resized = interpolate(weighted, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        scores = of_fine(fine) + of_deep(resized)
        return interpolate(scores, size=images.shape[-2:], mode="bilinear", align_corners=False)

    def get_classifier(self) -> nn.Module:
        """The layers whose outputs are the classes, as timm's networks have it."""
        return self.classifier

    def _maps(self, images: Tensor) -> list[Tensor]:
        maps = self.backbone(images)
        return [one.permute(0, 3, 1, 2) for one in maps] if self._channels_last else list(maps)

    def _sizes(self, example: Tensor) -> list[int]:
        """Channels of the two maps; some of timm's networks have them last."""
        channels = self.backbone.feature_info.channels()  # type: ignore[operator, union-attr]  # timm's
        with torch.no_grad():
            shapes = [one.shape for one in self.backbone.eval()(example)]
        self._channels_last = any(
            shape[1] != count and shape[-1] == count for shape, count in zip(shapes, channels, strict=True)
        )
        return list(channels)


def _backbone(create: CreateBackbone) -> tuple[nn.Module, dict[str, Any]]:
    reductions = create(features_only=True).feature_info.reduction()  # type: ignore[operator, union-attr]  # timm's
    if len(reductions) < 2:
        raise ValueError("it has a single feature map; two are needed")
    fine_enough = [index for index, reduction in enumerate(reductions[:-1]) if reduction <= FINE_REDUCTION]
    options = {"features_only": True, "out_indices": (max(fine_enough, default=0), len(reductions) - 1)}
    return create(**options), options
