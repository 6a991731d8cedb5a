"""The track's metric on a split. Importing it needs torch."""

from __future__ import annotations

import math

import torch
from torch import nn

from measurement.errors import BadInput
from measurement.progress import Advance
from measurement.tracks import Split, Track
from measurement.tracks.average_precision import average_precision

BATCH_SIZE = 256
DENSE_BATCH_SIZE = 16
"""Smaller, since the outputs of a dense task are large: a number for every class at every pixel."""
FULL_BATCH_RESOLUTION = 224
"""Pixels, height and width, up to which a batch has its full size; of larger images it holds no more pixels."""


def evaluate(track: Track, model: nn.Module, test: Split, advance: Advance) -> float:
    """The track's metric, 0..1."""
    if track.metric == "miou":
        return mean_iou(model, test, track.classes, advance)
    if track.metric == "map":
        return mean_average_precision(model, test, track.classes, advance)
    return top1_accuracy(model, test, advance)


def top1_accuracy(model: nn.Module, test: Split, advance: Advance) -> float:
    """Share of the images, 0..1, whose highest output is their label."""
    correct: torch.Tensor | int = 0
    done = 0
    model.eval()
    with torch.inference_mode():
        for images, labels in test.batches(_batch_size(BATCH_SIZE, test.resolution)):
            correct += (model(images).argmax(dim=1) == labels).sum()
            done += len(labels)
            advance(done / len(test), f"{done} of {len(test)} images")
    return int(correct) / len(test)


def mean_iou(model: nn.Module, test: Split, classes: int, advance: Advance) -> float:
    """Mean over the classes of intersection over union, 0..1, counted over all pixels of all images together.

    A class that neither occurs nor is predicted has no union and is left out, as in the PASCAL VOC evaluation
    (M. Everingham et al., 2015, https://doi.org/10.1007/s11263-014-0733-5). Pixels with target -100 don't count.
    """
    confusion: torch.Tensor | None = None  # of targets (rows) with predictions (columns), in pixels
    done = 0
    model.eval()
    with torch.inference_mode():
        for images, targets in test.batches(_batch_size(DENSE_BATCH_SIZE, test.resolution)):
            counted = targets >= 0
            pairs = targets[counted] * classes + model(images).argmax(dim=1)[counted]
            found = torch.bincount(pairs, minlength=classes**2)
            confusion = found if confusion is None else confusion + found
            done += len(targets)
            advance(done / len(test), f"{done} of {len(test)} images")
    return 0.0 if confusion is None else _mean_iou(confusion.cpu().view(classes, classes).double())


def mean_average_precision(model: nn.Module, test: Split, classes: int, advance: Advance) -> float:
    """COCO's, 0..1, over overlaps of 0.50 to 0.95. In the stretched images boxes overlap as in the original ones."""
    found: list[torch.Tensor] = []
    targets: list[torch.Tensor] = []
    model.eval()
    with torch.inference_mode():
        for images, boxes in test.batches(_batch_size(DENSE_BATCH_SIZE, test.resolution)):
            found += model(images).float().cpu()
            targets += boxes.cpu()
            advance(len(targets) / len(test), f"{len(targets)} of {len(test)} images")
    return average_precision(found, targets, classes)


def refuse_guessing(quality: float, track: Track, images: int) -> None:
    """Raise BadInput if a model that is brought does no better than chance: three standard errors of a share."""
    chance = 1 / track.classes
    if track.metric != "top1" or quality > chance + 3 * math.sqrt(chance * (1 - chance) / images):
        return
    raise BadInput(
        f"finds {quality:.1%} of the test images, and guessing finds {chance:.1%}: are its outputs in another order "
        "than the track's classes, or its images prepared in another way? See model.output.order and model.input",
        field="model.output.order",
    )


def _batch_size(full: int, resolution: int) -> int:
    return max(1, min(full, full * FULL_BATCH_RESOLUTION**2 // resolution**2))


def _mean_iou(confusion: torch.Tensor) -> float:
    hits = confusion.diag()
    union = confusion.sum(0) + confusion.sum(1) - hits
    return float((hits[union > 0] / union[union > 0]).mean()) if bool((union > 0).any()) else 0.0
