"""A network with several classifiers; an image leaves at the first that is confident. Importing it needs torch.

After S. Teerapittayanon et al., BranchyNet: Fast Inference via Early Exiting from Deep Neural Networks, ICPR 2016,
https://arxiv.org/abs/1709.01686.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from timm.models import FeatureListNet
from torch import Tensor, nn


class Exit(nn.Module):
    """Mean over the image, then one linear layer: (n, channels, h, w) to (n, classes)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.norm = nn.LayerNorm(channels)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.norm(self.pool(features).flatten(1)))
        return logits


class EarlyExitNetwork(nn.Module):
    """Segments of a network, each followed by an exit; the last exit takes the rest.

    The cost of a batch depends on its images, so figures per image are means over a whole set of them.
    """

    def __init__(self, segments: Sequence[nn.Module], exits: Sequence[Exit], confidence: float) -> None:
        super().__init__()
        self.segments = nn.ModuleList(segments)
        self.exits = nn.ModuleList(exits)
        self.confidence = confidence

    def all_exits(self, images: Tensor) -> list[Tensor]:
        """The outputs of every exit for every image, for training."""
        outputs, features = [], images
        for segment, exit_ in zip(self.segments, self.exits, strict=True):
            features = segment(features)
            outputs.append(exit_(features))
        return outputs

    def get_classifier(self) -> nn.ModuleList:
        """The last layer of every exit, by the name that timm's networks have for theirs."""
        return nn.ModuleList(exit_.get_submodule("classifier") for exit_ in self.exits)

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """How timm groups the parameters, here always coarsely: each segment is one stage, the exits come last."""
        return {"segments": r"^segments\.(\d+)"}

    def forward(self, images: Tensor) -> Tensor:
        """Each image's outputs (n, classes) at the exit where it left. In training, those of the last exit."""
        return self.all_exits(images)[-1] if self.training else self.leave(images)[0]

    def leave(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Each image's outputs (n, classes), and the number of the exit where it left (n,), counted from 0."""
        inside, features = torch.arange(len(images), device=images.device), images
        outputs: Tensor | None = None
        left_at = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        last = len(self.segments) - 1
        for number, (segment, exit_) in enumerate(zip(self.segments, self.exits, strict=True)):
            features = segment(features)
            logits = exit_(features)
            outputs = logits.new_empty(len(images), logits.shape[1]) if outputs is None else outputs
            leaves = logits.softmax(dim=1).amax(dim=1) >= self.confidence
            leaves = leaves if number < last else torch.ones_like(leaves)
            outputs[inside[leaves]] = logits[leaves]
            left_at[inside[leaves]] = number
            inside, features = inside[~leaves], features[~leaves]
            if not len(inside):
                break
        if outputs is None:
            raise ValueError("a network without segments has no outputs")
        return outputs, left_at


def is_dynamic(model: nn.Module) -> bool:
    """Whether the cost of an image depends on the image."""
    return isinstance(model, EarlyExitNetwork)


class CountingExits(nn.Module):
    """Runs `network` and counts where the images leave."""

    def __init__(self, network: EarlyExitNetwork) -> None:
        super().__init__()
        self.network = network
        self._counts = [0] * len(network.exits)

    def forward(self, images: Tensor) -> Tensor:
        outputs, left_at = self.network.leave(images)
        counts = torch.bincount(left_at, minlength=len(self._counts)).tolist()
        self._counts = [before + count for before, count in zip(self._counts, counts, strict=True)]
        return outputs

    def shares(self) -> list[float]:
        """Share of the images so far that left at each exit, 0..1. ZeroDivisionError if there were none."""
        return [round(count / sum(self._counts), 6) for count in self._counts]


def segments_of(model: nn.Module) -> list[nn.Sequential]:
    """A timm network cut after each of its stages, its classifier left out; the parts are shared with `model`.

    Raises ValueError if it is no plain sequence of stages.
    """
    if isinstance(blocks := getattr(model, "blocks", None), nn.Sequential) and hasattr(model, "conv_stem"):
        stem = [getattr(model, name) for name in ("conv_stem", "bn1") if hasattr(model, name)]
        return [nn.Sequential(*stem, blocks[0]), *(nn.Sequential(block) for block in blocks[1:])]
    if not hasattr(model, "feature_info") or str(getattr(model, "output_fmt", "NCHW")).endswith("NHWC"):
        raise ValueError("timm lists no stages of it with feature maps")
    for flatten in (False, True):
        try:
            stages = FeatureListNet(model, out_indices=_last_stages(model), flatten_sequential=flatten)
        except (AssertionError, AttributeError, KeyError, IndexError, ValueError):
            continue
        return _cut(stages)
    raise ValueError("its stages do not follow one another")


def _last_stages(model: nn.Module) -> tuple[int, ...]:
    return tuple(range(len(model.feature_info)))  # type: ignore[arg-type]  # timm's, a list of stages


def _cut(stages: FeatureListNet) -> list[nn.Sequential]:
    segments: list[nn.Sequential] = []
    parts: list[nn.Module] = []
    for name, part in stages.items():
        parts.append(part)
        if name in stages.return_layers:
            segments.append(nn.Sequential(*parts))
            parts = []
    return segments
