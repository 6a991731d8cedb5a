"""The track's metric on its test split. Importing it needs torch."""

from __future__ import annotations

import torch
from torch import nn

from measurement.methods.base import Advance
from measurement.tracks import Split

BATCH_SIZE = 256


def top1_accuracy(model: nn.Module, test: Split, device: torch.device, advance: Advance) -> float:
    """Share of the test images, 0..1, whose highest output is their label."""
    correct = torch.zeros((), dtype=torch.int64, device=device)
    model.eval()
    with torch.inference_mode():
        done = 0
        for images, labels in test.batches(BATCH_SIZE):
            correct += (model(images).argmax(dim=1) == labels).sum()
            done += len(labels)
            advance(done / len(test), f"{done} of {len(test)} images")
    return int(correct) / len(test)
