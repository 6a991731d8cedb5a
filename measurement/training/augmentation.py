"""Changes to a batch of training images, on their device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad
from torchvision.transforms import v2

from measurement.errors import BadInput
from measurement.tracks import Batch
from measurement.training.job import Job

IGNORED = -100
"""Class of the pixels that a shift brings in, in a dense task's targets: torch's ignore_index."""

Change = Callable[[Tensor, Tensor], Batch]


def augmentation_of(job: Job) -> Change:
    """The changes that the options declare, in this order: shift, mirror, mix. Draws come from torch's own
    generators.

    Raises BadInput if a dense task's class maps would have to be mixed.
    """
    options = job.options.augmentation
    changes: list[Change] = []
    if options.random_crop_padding:
        changes.append(lambda images, targets: _shifted(images, targets, options.random_crop_padding))
    if options.horizontal_flip:
        changes.append(_mirrored)
    mixes = [
        mix(alpha=alpha, num_classes=job.context.classes)
        for mix, alpha in ((v2.MixUp, options.mixup_alpha), (v2.CutMix, options.cutmix_alpha))
        if alpha
    ]
    if mixes:
        if job.context.train.first(1)[1].ndim != 1:
            name = "mixup_alpha" if options.mixup_alpha else "cutmix_alpha"
            raise BadInput("class maps can't be mixed; leave this field out", field=job.field(f"augmentation.{name}"))
        changes.append(v2.RandomChoice(mixes))
    return lambda images, targets: _applied(changes, images, targets)


def _applied(changes: list[Change], images: Tensor, targets: Tensor) -> Batch:
    for change in changes:
        images, targets = change(images, targets)
    return images, targets


def _shifted(images: Tensor, targets: Tensor, padding: int) -> Batch:
    """Each image (n, c, h, w) moved by up to `padding` pixels either way; the border is filled with 0, the mean
    colour."""
    rows, columns = torch.randint(2 * padding + 1, (2, len(images)), device=images.device)
    if targets.ndim == 3:
        targets = _window(targets.unsqueeze(1), rows, columns, padding, IGNORED).squeeze(1)
    return _window(images, rows, columns, padding, 0), targets


def _window(images: Tensor, rows: Tensor, columns: Tensor, padding: int, fill: int) -> Tensor:
    """The h x w window of each padded image whose upper left corner is at its row and column."""
    count, channels, height, width = images.shape
    padded = pad(images, (padding,) * 4, value=fill)
    device = images.device
    down = rows.view(-1, 1, 1, 1) + torch.arange(height, device=device).view(1, 1, -1, 1)
    across = columns.view(-1, 1, 1, 1) + torch.arange(width, device=device).view(1, 1, 1, -1)
    image = torch.arange(count, device=device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=device).view(1, -1, 1, 1)
    return padded[image, channel, down, across]


def _mirrored(images: Tensor, targets: Tensor) -> Batch:
    chosen = torch.rand(len(images), device=images.device) < 0.5
    if targets.ndim == 3:
        targets = torch.where(chosen.view(-1, 1, 1), targets.flip(-1), targets)
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(-1), images), targets
