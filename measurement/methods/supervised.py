"""Technique `supervised`: cross-entropy on the track's labelled images."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

from measurement.errors import BadInput, MeasurementError
from measurement.methods.base import PhaseContext, PhaseOutcome
from measurement.recipe import Optimizer, SupervisedPhase


def train_supervised(context: PhaseContext) -> PhaseOutcome:
    """Train `context.model` in place for the declared epochs.

    Raises MeasurementError naming phase and epoch where the loss is no longer a finite number.
    """
    spec = _spec(context)
    model = context.model.train()
    optimizer = _optimizer(spec.optimizer, model)
    steps_per_epoch = len(list(batch_bounds(len(context.train), spec.batch_size)))
    schedule = _schedule(spec, optimizer, total_steps=spec.epochs * steps_per_epoch)
    loss_of = nn.CrossEntropyLoss(label_smoothing=spec.label_smoothing)
    order = torch.Generator().manual_seed(context.seed)

    mean_loss = math.nan
    for epoch in range(spec.epochs):
        shuffled = torch.randperm(len(context.train), generator=order).to(context.device)
        epoch_loss = torch.zeros((), device=context.device)
        for step, (start, end) in enumerate(batch_bounds(len(context.train), spec.batch_size), start=1):
            chosen = shuffled[start:end]
            loss = loss_of(model(context.train.images[chosen]), context.train.labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            epoch_loss += loss.detach()
            context.advance(
                (epoch + step / steps_per_epoch) / spec.epochs, detail=f"epoch {epoch + 1} of {spec.epochs}"
            )
        mean_loss = _finite(epoch_loss / steps_per_epoch, context, epoch)
    return PhaseOutcome(
        model,
        {"steps": spec.epochs * steps_per_epoch, "epochs": spec.epochs, "final_epoch_mean_loss": round(mean_loss, 6)},
    )


def rehearse_training(context: PhaseContext) -> nn.Module:
    """One forward and backward step on at most two images, in training mode. Raises BadInput where it can't be."""
    spec = _spec(context)
    model = context.model.train()
    count = min(2, spec.batch_size, len(context.train))
    try:
        outputs = model(context.train.images[:count])
        nn.functional.cross_entropy(outputs, context.train.labels[:count]).backward()  # type: ignore[no-untyped-call]
    except ValueError as error:
        if count == 1 and "more than 1 value per channel" in str(error):
            raise BadInput(
                "this architecture has batch normalisation, which needs at least 2 images a batch",
                field=context.field("batch_size"),
            ) from None
        raise
    model.zero_grad(set_to_none=True)
    return model


def batch_bounds(images: int, batch_size: int) -> Iterator[tuple[int, int]]:
    """Start and end of each batch. A last batch of one image joins the one before: batch normalisation needs two."""
    for start in range(0, images, batch_size):
        left = images - start
        if left == 1 and start and batch_size > 1:
            return
        yield start, images if left == batch_size + 1 and batch_size > 1 else min(start + batch_size, images)


def _spec(context: PhaseContext) -> SupervisedPhase:
    if not isinstance(context.spec, SupervisedPhase):
        raise TypeError(f"not a supervised phase: {context.spec!r}")
    return context.spec


def _optimizer(settings: Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    if settings.name == "sgd":
        return torch.optim.SGD(
            model.parameters(),
            lr=settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
    return torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _schedule(spec: SupervisedPhase, optimizer: torch.optim.Optimizer, total_steps: int) -> LRScheduler:
    if spec.schedule == "one_cycle":
        return OneCycleLR(optimizer, max_lr=spec.optimizer.learning_rate, total_steps=max(2, total_steps))
    if spec.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=total_steps)
    return ConstantLR(optimizer, factor=1.0, total_iters=1)


def _finite(loss: Tensor, context: PhaseContext, epoch: int) -> float:
    value = float(loss)
    if not math.isfinite(value):
        raise MeasurementError(
            f"the loss of phase {context.spec.phase} was {value} in epoch {epoch + 1}; "
            "a smaller learning_rate usually helps",
            field=context.field("optimizer.learning_rate"),
        )
    return value
