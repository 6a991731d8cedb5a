"""Early stopping: images held back from training, and for how many epochs their loss may fail to decrease."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from measurement.errors import BadInput
from measurement.recipe import PhaseSpec, StructuredPruningPhase, TrainingOptions
from measurement.tracks import Split, held_back
from measurement.training.job import Job
from measurement.training.numerics import autocast

if TYPE_CHECKING:
    from measurement.training.context import PhaseContext


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within, `model` is in evaluation mode and no gradients are kept; afterwards each module's mode is as it was."""
    was_training, modes = model.training, [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)  # in an exported graph, this does more than set modes
        for module, training in modes:
            module.training = training


def held_back_for(job: Job) -> tuple[Split, Split | None]:
    """The images to train on, and those to validate on if the training may stop early.

    A network that goes on to later phases is trained on none of the images that they validate on: the recipe's seed
    alone fixes the draw, so that a smaller share is part of a larger one.
    """
    stopping, context = job.options.early_stopping, job.context
    train, seed = context.train, context.recipe.seed
    share = stopping.validation_share if stopping else 0.0
    if stopping and round(len(train) * (1 - share)) < 2:
        raise BadInput(
            "leaves fewer than 2 images to train on; use a smaller share",
            field=job.field("early_stopping.validation_share"),
        )
    goes_on = job.options == _training_of(context.spec)
    largest = max(share, share_validated_from(context)) if goes_on else share
    if not largest:
        return train, None
    return held_back(train, largest, seed)[0], held_back(train, share, seed)[1] if stopping else None


def share_validated_from(context: PhaseContext) -> float:
    """The largest share of the training images that this phase or a later one uses to validate the run's network."""
    trainings = map(_training_of, context.recipe.phases[context.position :])
    stoppings = [training.early_stopping for training in trainings if training and training.early_stopping]
    return max((stopping.validation_share for stopping in stoppings), default=0.0)


def _training_of(spec: PhaseSpec) -> TrainingOptions | None:
    """How a phase trains the network that goes on to the next phase, unlike a teacher or a candidate."""
    if isinstance(spec, StructuredPruningPhase):
        return spec.training_after_step
    return spec if isinstance(spec, TrainingOptions) else None


class Patience:
    """Keeps the weights of the epoch with the smallest validation loss, and decides when to stop."""

    def __init__(self, job: Job, validation: Split) -> None:
        self._job, self._validation = job, validation
        self._best: dict[str, Any] = {}
        self._best_loss, self._best_epoch = math.inf, 0
        self.epochs = 0

    @property
    def is_over(self) -> bool:
        """Whether the loss has not decreased for as many epochs as the options allow."""
        stopping = self._job.options.early_stopping
        return stopping is not None and self.epochs - self._best_epoch >= stopping.patience

    def end_epoch(self, network: nn.Module) -> None:
        """Validate `network` after another epoch of training."""
        self.epochs += 1
        loss = self._loss(network)
        if loss < self._best_loss:
            self._best_loss, self._best_epoch = loss, self.epochs
            self._best = copy.deepcopy(network.state_dict())

    def restore(self, model: nn.Module) -> None:
        """Give `model` the weights of the best epoch; no change if no epoch had a finite loss."""
        if self._best:
            model.load_state_dict(self._best)

    def details(self) -> dict[str, Any]:
        """Details for the record."""
        return {
            "best_epoch": self._best_epoch,
            "best_validation_loss": round(self._best_loss, 6) if self._best else None,
            "validation_images": len(self._validation),
        }

    def _loss(self, network: nn.Module) -> float:
        """Mean over the validation images."""
        total = torch.zeros((), device=self._job.context.device)
        with evaluating(network), autocast(self._job):
            for images, targets in self._validation.batches(self._job.options.batch_size):
                total += self._job.loss_of(network, images, targets) * len(images)
        return float(total) / len(self._validation)
