"""Optimizers and schedules of the learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from timm.optim.lamb import Lamb
from timm.optim.rmsprop_tf import RMSpropTF
from torch import nn
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    SequentialLR,
    StepLR,
)

from measurement.recipe import Optimizer, TrainingOptions

RMSPROP_EPSILON = 1e-3
"""As the MobileNetV3 and EfficientNet papers train (https://arxiv.org/abs/1905.02244), inside the square root as in
TensorFlow; their decay of 0.9 is the class's default."""


def optimizer_of(settings: Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    """Over all parameters of `model`; those without a gradient stay as they are."""
    shared: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    parameters = model.parameters()
    if settings.name == "sgd":
        return torch.optim.SGD(parameters, momentum=settings.momentum, nesterov=settings.nesterov, **shared)
    if settings.name == "rmsprop":
        made: torch.optim.Optimizer = RMSpropTF(parameters, eps=RMSPROP_EPSILON, momentum=settings.momentum, **shared)
        return made
    kinds: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "lamb": Lamb,
    }
    return kinds[settings.name](parameters, **shared)


def schedule_of(
    options: TrainingOptions, optimizer: torch.optim.Optimizer, total_steps: int, steps_per_epoch: int
) -> LRScheduler:
    """The learning rate step by step: a linear rise over the warm-up, then the schedule over the remaining steps."""
    warm_up = round(options.warmup_epochs * steps_per_epoch)
    schedule = _main(options, optimizer, max(1, total_steps - warm_up), steps_per_epoch)
    if not warm_up:
        return schedule
    rise = LinearLR(optimizer, start_factor=1 / (warm_up + 1), total_iters=warm_up)
    return SequentialLR(optimizer, [rise, schedule], milestones=[warm_up])


def _main(
    options: TrainingOptions, optimizer: torch.optim.Optimizer, steps: int, steps_per_epoch: int
) -> LRScheduler:
    decay_steps = options.decay_epochs * steps_per_epoch
    match options.schedule:
        case "one_cycle":
            rate = options.optimizer.learning_rate
            return OneCycleLR(optimizer, max_lr=rate, total_steps=max(2, steps), cycle_momentum=False)
        case "cosine":
            return CosineAnnealingLR(optimizer, T_max=steps)
        case "linear":
            return LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=steps)
        case "step":
            return StepLR(optimizer, step_size=max(1, round(decay_steps)), gamma=options.decay_factor)
        case "exponential":
            return ExponentialLR(optimizer, gamma=options.decay_factor ** (1 / decay_steps))
        case "constant":
            return ConstantLR(optimizer, factor=1.0, total_iters=1)
