"""The track's metric on its test split. Importing it needs torch."""

from __future__ import annotations

import torch
from torch import nn

from measurement.methods.base import Advance
from measurement.tracks import Split

BATCH_SIZE = 256


def top1_accuracy(model: nn.Module, test: Split, advance: Advance) -> float:
    """Share of the test images, 0..1, whose highest output is their label."""
    correct = torch.zeros((), dtype=torch.int64, device=test.labels.device)
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(test), BATCH_SIZE):
            end = min(start + BATCH_SIZE, len(test))
            correct += (model(test.images[start:end]).argmax(dim=1) == test.labels[start:end]).sum()
            advance(end / len(test), f"{end} of {len(test)} images")
    return int(correct) / len(test)
