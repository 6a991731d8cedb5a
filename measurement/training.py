"""The training loop that every technique with one shares. Importing it needs torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

from measurement.errors import BadInput, MeasurementError
from measurement.methods.base import PhaseContext
from measurement.recipe import Optimizer, TrainingOptions
from measurement.tracks import Batch, Split

LossOf = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""The loss of a network on a batch: images and targets in, one number out."""


def fit(
    context: PhaseContext, options: TrainingOptions, loss_of: LossOf | None = None, *, stage: str = "training"
) -> dict[str, Any]:
    """Train `context.model` in place for the declared epochs, and return what the record keeps of it.

    loss_of: cross-entropy with the track's targets unless given. Raises MeasurementError naming phase and epoch where
    the loss is no longer a finite number.
    """
    model, loss_of = context.model.train(), loss_of or cross_entropy(options)
    optimizer = _optimizer(options.optimizer, model)
    steps_per_epoch = context.train.batch_count(options.batch_size)
    total = options.epochs * steps_per_epoch
    schedule = _schedule(options, optimizer, total)
    batches = endless(context.train, options.batch_size, torch.Generator().manual_seed(context.seed))
    epoch_loss, mean_loss = torch.zeros((), device=context.device), math.nan
    for step in context.pace.steps(stage, total):
        images, targets = next(batches)
        loss = loss_of(model, images, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        epoch_loss += loss.detach()
        epoch, position = divmod(step + 1, steps_per_epoch)
        if position == 0:
            mean_loss = _finite(epoch_loss / steps_per_epoch, context, epoch)
            epoch_loss.zero_()
        context.advance(
            (step + 1) / total, detail=f"epoch {math.ceil((step + 1) / steps_per_epoch)} of {options.epochs}"
        )
    return {"steps": total, "epochs": options.epochs, "final_epoch_mean_loss": _rounded(mean_loss)}


def cross_entropy(options: TrainingOptions) -> LossOf:
    """Cross-entropy of the network's outputs with the targets, smoothed as the options say."""
    loss = nn.CrossEntropyLoss(label_smoothing=options.label_smoothing)
    return lambda model, images, targets: loss(model(images), targets)


def rehearse_step(context: PhaseContext, options: TrainingOptions, loss_of: LossOf | None = None) -> None:
    """One forward and backward step on at most two images. Raises BadInput where it can't be."""
    model = context.model.train()
    count = min(2, options.batch_size, len(context.train))
    images, targets = context.train.first(count)
    try:
        (loss_of or cross_entropy(options))(model, images, targets).backward()  # type: ignore[no-untyped-call]
    except ValueError as error:
        if count == 1 and "more than 1 value per channel" in str(error):
            raise BadInput(
                "this architecture has batch normalisation, which needs at least 2 images a batch",
                field=context.field("batch_size"),
            ) from None
        raise
    model.zero_grad(set_to_none=True)


def endless(split: Split, batch_size: int, order: torch.Generator) -> Iterator[Batch]:
    """Epoch after epoch, each in an order of its own."""
    while True:
        yield from split.batches(batch_size, order)


def _optimizer(settings: Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    if settings.name == "sgd":
        return torch.optim.SGD(
            model.parameters(),
            lr=settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
    return torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _schedule(options: TrainingOptions, optimizer: torch.optim.Optimizer, total_steps: int) -> LRScheduler:
    if options.schedule == "one_cycle":
        return OneCycleLR(optimizer, max_lr=options.optimizer.learning_rate, total_steps=max(2, total_steps))
    if options.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=total_steps)
    return ConstantLR(optimizer, factor=1.0, total_iters=1)


def _finite(loss: Tensor, context: PhaseContext, epoch: int) -> float:
    value = float(loss)
    if not math.isfinite(value):
        raise MeasurementError(
            f"the loss of phase {context.spec.phase} was {value} in epoch {epoch}; "
            "a smaller learning_rate usually helps",
            field=context.field("optimizer.learning_rate"),
        )
    return value


def _rounded(loss: float) -> float | None:
    """None where no epoch was finished, as in a sample."""
    return None if math.isnan(loss) else round(loss, 6)
