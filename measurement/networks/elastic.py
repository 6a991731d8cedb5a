"""A weight-sharing network: small networks are parts of a large one. Importing it needs torch.

Depth, kernel and expansion of each stage and the input's resolution are elastic, in the manner of once-for-all
(H. Cai et al., https://arxiv.org/abs/1908.09791): a sub-network has the first blocks of each stage, the first hidden
channels of each block and the middle of each kernel, as in BigNAS (J. Yu et al., https://arxiv.org/abs/2003.11142).
The blocks are MobileNetV2's (M. Sandler et al., https://arxiv.org/abs/1801.04381).
"""

from __future__ import annotations

from math import ceil
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, hardswish, interpolate

from measurement.recipe import SubNetwork
from measurement.recipe.techniques.supernet import MAX_DEPTH, MAX_EXPANSION, MAX_KERNEL, STAGES

STEM, CHANNELS, STRIDES, LAST = 16, (24, 40, 80, 112), (2, 2, 2, 2), 448


class NormedConvolution(nn.Module):
    """A convolution that keeps the size (at stride 1), then batch normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, depthwise: bool = False) -> None:
        super().__init__()
        groups = outputs if depthwise else 1
        self.convolution = nn.Conv2d(
            inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, inputs, h, w) in, (n, outputs, h / stride, w / stride) out."""
        normed: Tensor = self.norm(self.convolution(features))
        return normed

    def part(self, features: Tensor, inputs: int, outputs: int, kernel: int) -> Tensor:
        """As `forward` of a smaller layer with a part of the weights; a depthwise one has `inputs` = 1."""
        whole, norm = self.convolution, self.norm
        weight = inner(whole.weight, (outputs, inputs, kernel, kernel))
        groups = 1 if whole.groups == 1 else outputs
        convolved = conv2d(features, weight, None, whole.stride, kernel // 2, 1, groups)
        return batch_norm(
            convolved,
            norm.running_mean[:outputs] if norm.running_mean is not None else None,
            norm.running_var[:outputs] if norm.running_var is not None else None,
            norm.weight[:outputs],
            norm.bias[:outputs],
            self.training,
            norm.momentum or 0.0,
            norm.eps,
        )


class InvertedResidual(nn.Module):
    """Narrow between blocks and wide inside: 1 x 1 convolution, depthwise convolution, 1 x 1 convolution."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.inputs, self.outputs = inputs, outputs
        self.expand = NormedConvolution(inputs, hidden, 1)
        self.filter = NormedConvolution(hidden, hidden, kernel, stride=stride, depthwise=True)
        self.project = NormedConvolution(hidden, outputs, 1)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, inputs, h, w) in, (n, outputs, h / stride, w / stride) out."""
        changed: Tensor = self.project(hardswish(self.filter(hardswish(self.expand(features)))))
        return features + changed if self.is_residual else changed

    def part(self, features: Tensor, kernel: int, expansion: int) -> Tensor:
        """As `forward` of a block with a smaller kernel and fewer hidden channels."""
        hidden = self.inputs * expansion
        changed = hardswish(self.expand.part(features, self.inputs, hidden, 1))
        changed = hardswish(self.filter.part(changed, 1, hidden, kernel))
        changed = self.project.part(changed, hidden, self.outputs, 1)
        return features + changed if self.is_residual else changed


class MobileNetwork(nn.Module):
    """A dense classifier: stem, four stages of blocks, pooling, one linear layer.

    depths, kernels, expansions: one number a stage. width: multiplies the channels, rounded to multiples of 8.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        width: float = 1.0,
        *,
        depths: tuple[int, ...] = (MAX_DEPTH,) * STAGES,
        kernels: tuple[int, ...] = (MAX_KERNEL,) * STAGES,
        expansions: tuple[int, ...] = (MAX_EXPANSION,) * STAGES,
    ) -> None:
        super().__init__()
        self.channels, self.classes, self.width = channels, classes, width
        before, *outputs, last = (max(8, round(count * width / 8) * 8) for count in (STEM, *CHANNELS, LAST))
        self.stem = NormedConvolution(channels, before, 3, stride=2)
        stages = []
        for wide, stride, depth, kernel, expansion in zip(outputs, STRIDES, depths, kernels, expansions, strict=True):
            first = InvertedResidual(before, wide, kernel=kernel, expansion=expansion, stride=stride)
            others = [
                InvertedResidual(wide, wide, kernel=kernel, expansion=expansion, stride=1) for _ in range(depth - 1)
            ]
            stages.append(nn.Sequential(first, *others))
            before = wide
        self.stages = nn.Sequential(*stages)
        self.head = NormedConvolution(before, last, 1)
        self.classifier = nn.Linear(last, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channels, h, w) in, one output a class (n, classes)."""
        features = hardswish(self.stem(images))
        return self._classified(self.stages(features))

    def macs(self, resolution: int) -> int:
        """Multiply-accumulates for one image of resolution x resolution pixels, in convolutions and linear layer.

        As `count_macs` of `measurement.networks.build` does, which is too slow for thousands of sub-networks.
        """
        size, total = resolution, self.classifier.weight.numel()
        for layer in self.modules():
            if isinstance(layer, NormedConvolution):
                size = ceil(size / layer.convolution.stride[0])
                total += size**2 * layer.convolution.weight.numel()
        return total

    def get_classifier(self) -> nn.Linear:
        """The last layer, by the name that timm's networks have for it."""
        return self.classifier

    def _classified(self, features: Tensor) -> Tensor:
        outputs: Tensor = self.classifier(hardswish(self.head(features)).mean(dim=(2, 3)))
        return outputs


class ElasticMobile(MobileNetwork):
    """The largest network of the kind, and every smaller one inside it. With images alone it runs the largest."""

    def __init__(self, channels: int, classes: int, width: float = 1.0) -> None:
        super().__init__(channels, classes, width)

    def forward(self, images: Tensor, part: SubNetwork | None = None) -> Tensor:
        """Outputs (n, classes) of `part`, which sees the images (n, channels, h, w) at its own resolution.

        Gradients and running statistics reach the shared weights.
        """
        if part is None:
            return super().forward(images)
        features = hardswish(self.stem(resized(images, part.resolution)))
        for blocks, depth, kernel, expansion in zip(
            self.stages, part.depths, part.kernels, part.expansions, strict=True
        ):
            for block in cast("nn.Sequential", blocks)[:depth]:
                features = cast("InvertedResidual", block).part(features, kernel, expansion)
        return self._classified(features)

    def outline(self, part: SubNetwork) -> MobileNetwork:
        """A network of the shape of `part`, on the meta device: without numbers."""
        with torch.device("meta"):
            return MobileNetwork(
                self.channels,
                self.classes,
                self.width,
                depths=part.depths,
                kernels=part.kernels,
                expansions=part.expansions,
            )

    def cut_out(self, part: SubNetwork) -> MobileNetwork:
        """An ordinary network with a copy of the weights of `part`: the same outputs on images of its resolution."""
        cut, own = self.outline(part), self.state_dict()
        weights = {name: inner(own[name], tensor.shape).clone() for name, tensor in cut.state_dict().items()}
        cut.load_state_dict(weights, assign=True)
        return cut.requires_grad_().train(self.training)


def inner(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The part of a layer's weights that a smaller layer has: the first channels, and the middle of the kernel."""
    for dimension, size in enumerate(shape):
        start = (tensor.shape[dimension] - size) // 2 if dimension >= 2 else 0
        tensor = tensor.narrow(dimension, start, size)
    return tensor


def resized(images: Tensor, resolution: int) -> Tensor:
    """The images bilinearly resized, as `Split.at` does; the same tensor if they have the resolution."""
    if images.shape[-1] == resolution:
        return images
    return interpolate(images, size=(resolution, resolution), mode="bilinear", align_corners=False, antialias=True)
