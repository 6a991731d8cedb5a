"""One step of the optimizer, with everything that the options add."""

from __future__ import annotations

import torch
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn

from measurement.training.augmentation import augmentation_of
from measurement.training.job import Job
from measurement.training.numerics import autocast, scaler_of
from measurement.training.optimization import optimizer_of, schedule_of


class Stepper:
    """Trains the job's model; `network` in its methods is that model, or a compiled form that shares its weights."""

    def __init__(self, job: Job, total_steps: int, steps_per_epoch: int) -> None:
        self._job = job
        self._model = job.context.model.train()
        self.augmented = augmentation_of(job)
        self._optimizer = optimizer_of(job.options.optimizer, self._model)
        self._schedule = schedule_of(job.options, self._optimizer, total_steps, steps_per_epoch)
        self._scaler = scaler_of(job)
        decay = job.options.ema_decay
        # It begins with short means, which forget the untrained weights: after n steps a decay of 1 - n^(-2/3).
        self._mean = None if decay is None else ModelEmaV3(self._model, decay=decay, use_warmup=True)
        self._steps = 0

    @property
    def weights(self) -> nn.Module:
        """The network with the final weights if the training ended now."""
        return self._model if self._mean is None else self._mean.module

    def step(self, network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        """One step on one batch; returns its loss, which the device may still be computing."""
        loss = self.gradients(network, *self.augmented(images, targets))
        limit = self._job.options.clip_gradient_norm
        if limit is not None:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self._model.parameters(), limit)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._schedule.step()
        self._steps += 1
        if self._mean is not None:
            self._mean.update(self._model, self._steps)
        return loss

    def gradients(self, network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        """Forward and backward over one batch, in its micro-batches: sets the gradients, returns the mean loss."""
        self._optimizer.zero_grad(set_to_none=True)
        if self._job.options.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        # Batch normalisation needs two images.
        parts = max(1, min(self._job.options.micro_batches, len(images) // 2))
        total = torch.zeros((), device=images.device)
        for some, their_targets in zip(images.tensor_split(parts), targets.tensor_split(parts), strict=True):
            with autocast(self._job):
                loss = self._job.loss_of(network, some, their_targets) * (len(some) / len(images))
            self._scaler.scale(loss).backward()
            total += loss.detach()
        return total

    def finish(self) -> None:
        """Give the model its final weights."""
        if self._mean is not None:
            self._model.load_state_dict(self._mean.module.state_dict())
