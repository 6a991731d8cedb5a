"""One training, for its parts: what is trained, how, and the paths of its fields in the recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from measurement.networks.detector import Detector
from measurement.recipe import TrainingOptions

if TYPE_CHECKING:
    from measurement.training.context import PhaseContext

LossOf = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""The loss of a network on a batch: images and targets in, one number out. The network is called as given: it may be
a compiled one. Targets may be class probabilities (n, classes) if the options mix images."""


@dataclass(frozen=True, slots=True)
class Job:
    """`within` is the path of `options` inside the phase; empty if they are the phase's own."""

    context: PhaseContext
    options: TrainingOptions
    loss_of: LossOf
    stage: str = "training"
    within: str = ""

    def field(self, name: str) -> str:
        """The path of one of the options in the recipe, for messages."""
        return self.context.field(f"{self.within}.{name}" if self.within else name)


def cross_entropy(options: TrainingOptions) -> LossOf:
    """Cross-entropy of the outputs with the targets, smoothed as the options say; of a detector, its own losses."""
    loss = nn.CrossEntropyLoss(label_smoothing=options.label_smoothing)

    def of(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        if isinstance(model, Detector):
            return model.loss(images, targets)
        found: Tensor = loss(model(images), targets)
        return found

    return of
