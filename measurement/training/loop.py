"""`fit`: the declared epochs, stage by stage."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from measurement.errors import MeasurementError
from measurement.networks.weight_masks import masked_gradients
from measurement.recipe import TrainingOptions
from measurement.tracks import Batch, Split
from measurement.training.compilation import compiled
from measurement.training.freezing import frozen
from measurement.training.job import Job, LossOf, cross_entropy
from measurement.training.numerics import numerics
from measurement.training.segments import Segment, plan
from measurement.training.stepping import Stepper
from measurement.training.validation import Patience, held_back_for

if TYPE_CHECKING:
    from measurement.training.context import PhaseContext


def fit(
    context: PhaseContext,
    options: TrainingOptions,
    loss_of: LossOf | None = None,
    *,
    stage: str = "training",
    within: str = "",
) -> dict[str, Any]:
    """Train `context.model` in place for the declared epochs, and return details for the record.

    loss_of: cross-entropy with the track's targets unless given. stage: begins the names of the loop's stages for
    `context.pace`. within: the path of `options` inside the phase, if they are not the phase itself. Raises
    MeasurementError naming phase and epoch if the loss is no longer a finite number, and BadInput naming the field of
    an option that network or device can't take.
    """
    job = Job(context, options, loss_of or cross_entropy(options), stage, within)
    train, validation = held_back_for(job)
    with numerics(job), masked_gradients(context.model):
        course = _Course(job, train, Patience(job, validation) if validation else None)
        for segment in plan(job):
            course.run(segment)
            if course.stopped:
                break
        return course.finish()


def endless(split: Split, batch_size: int, order: torch.Generator) -> Iterator[Batch]:
    """Epoch after epoch, each in an order of its own."""
    while True:
        yield from split.batches(batch_size, order)


class _Course:
    """The state of a training: epochs so far, and the loss of the present one."""

    def __init__(self, job: Job, train: Split, patience: Patience | None) -> None:
        self._job, self._train, self._patience = job, train, patience
        self._steps_per_epoch = train.batch_count(job.options.batch_size)
        self._total = job.options.epochs * self._steps_per_epoch
        self._stepper = Stepper(job, self._total, self._steps_per_epoch)
        self._order = torch.Generator().manual_seed(job.context.seed)
        self._epoch_loss = torch.zeros((), device=job.context.device)
        self._mean_loss = math.nan
        self._epochs_of_segments = 0
        self._steps_run = 0

    @property
    def stopped(self) -> bool:
        """Whether early stopping has ended it."""
        return self._patience is not None and self._patience.is_over

    def run(self, segment: Segment) -> None:
        """All epochs of one segment, or as many of its steps as the pace takes."""
        job, first_step = self._job, self._epochs_of_segments * self._steps_per_epoch
        train = self._train.at(segment.resolution)
        batches = endless(train, job.options.batch_size, self._order)
        with frozen(job, segment.frozen), compiled(job, segment, train, self._stepper) as network:
            for step in job.context.pace.steps(segment.stage, segment.epochs * self._steps_per_epoch):
                self._epoch_loss += self._stepper.step(network, *next(batches))
                self._steps_run += 1
                self._end_step(first_step + step)
                if self.stopped:
                    break
        self._epochs_of_segments += segment.epochs
        self._finite(self._epoch_loss, self._epochs_of_segments)  # for an epoch that a sample left unfinished
        self._epoch_loss.zero_()

    def finish(self) -> dict[str, Any]:
        """Give the model its final weights; returns details for the record."""
        self._stepper.finish()
        details: dict[str, Any] = {"steps": self._total, "epochs": self._job.options.epochs}
        if self._patience is None and self._steps_run < self._total:
            return details | {"steps_run": self._steps_run, "final_epoch_mean_loss": None}
        details["final_epoch_mean_loss"] = round(self._mean_loss, 6)
        if self._patience is None:
            return details
        self._patience.restore(self._job.context.model)
        epochs = self._patience.epochs
        return details | {"steps": epochs * self._steps_per_epoch, "epochs": epochs} | self._patience.details()

    def _end_step(self, step: int) -> None:
        done, position = divmod(step + 1, self._steps_per_epoch)
        if position == 0:
            self._mean_loss = self._finite(self._epoch_loss / self._steps_per_epoch, done)
            self._epoch_loss.zero_()
            if self._patience is not None:
                self._patience.end_epoch(self._stepper.weights)
        epoch = done if position == 0 else done + 1
        self._job.context.advance((step + 1) / self._total, detail=f"epoch {epoch} of {self._job.options.epochs}")

    def _finite(self, loss: Tensor, epoch: int) -> float:
        value = float(loss)
        if not math.isfinite(value):
            raise MeasurementError(
                f"the loss of phase {self._job.context.spec.phase} was {value} in epoch {epoch}; "
                "try a smaller learning_rate",
                field=self._job.field("optimizer.learning_rate"),
            )
        return value
