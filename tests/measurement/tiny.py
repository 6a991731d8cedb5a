"""A recipe of seconds, and its phases."""

from __future__ import annotations

from typing import Any

from measurement.recipe import Recipe, parse_recipe

TRAIN: dict[str, Any] = {"technique": "supervised", "phase": "train", "epochs": 1, "batch_size": 128}
PRUNE: dict[str, Any] = {"technique": "structured_pruning", "phase": "compress", "ratio": 0.5}
FINETUNE: dict[str, Any] = TRAIN | {"phase": "finetune"}


def tiny_document(*phases: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A recipe that trains timm's smallest convolutional network at 16 pixels."""
    return {
        "schema_version": 1,
        "method": {"title": "A tiny network", "family": "compact"},
        "track": "digits",
        "model": {"architecture": "test_resnet", "resolution": 16},
        "phases": list(phases) or [TRAIN],
        "inference": {"max_batch_size": 16},
    } | changes


def tiny_recipe(*phases: dict[str, Any], **changes: Any) -> Recipe:
    return parse_recipe(tiny_document(*phases, **changes))
