"""The phases of the short form: which fields of a technique it shows, and how a new phase begins."""

from __future__ import annotations

from typing import Any

TRAINING = ("epochs", "batch_size", "schedule", "optimizer.name", "optimizer.learning_rate")

OF_TECHNIQUE: dict[str, tuple[str, ...]] = {
    "supervised": TRAINING,
    "distillation": ("teacher.architecture", "temperature", "alpha", *TRAINING),
    "early_exit": ("exits", "confidence", *TRAINING),
    "structured_pruning": ("ratio", "importance", "steps"),
    "sparsity": ("pattern", "ratio"),
    "low_rank": ("rank_share", "convolution"),
    "quantization": ("scheme",),
    "quantization_aware": ("scheme", *TRAINING),
    "architecture_search": ("candidates", "strategy"),
    "supernet": ("candidates", "strategy"),
    "pretrained": ("source", "tag", "energy_j", "evidence"),
    "declared": ("energy_j", "evidence"),
}
"""Fields that the form shows of each technique, besides `phase`."""

NEW_NAMES = (
    ("supervised", "Training"),
    ("distillation", "Distillation from a teacher"),
    ("structured_pruning", "Pruning of channels"),
    ("sparsity", "Sparsity of weights"),
    ("low_rank", "Low-rank layers"),
    ("quantization", "Quantization to 8 bits"),
    ("quantization_aware", "Training for 8 bits"),
    ("early_exit", "Early exits"),
    ("architecture_search", "Search of an architecture"),
    ("supernet", "Search in a supernet"),
    ("pretrained", "Start from trained weights"),
    ("declared", "A phase that others ran"),
)
"""Techniques in the order in which people want them, with what they do."""

NEW: dict[str, dict[str, Any]] = {
    "supervised": {"technique": "supervised", "phase": "train", "epochs": 3},
    "distillation": {
        "technique": "distillation",
        "phase": "train",
        "epochs": 3,
        "teacher": {"architecture": "resnet18", "training": {"epochs": 3}},
    },
    "structured_pruning": {"technique": "structured_pruning", "phase": "compress", "ratio": 0.3},
    "sparsity": {"technique": "sparsity", "phase": "compress", "ratio": 0.5},
    "low_rank": {"technique": "low_rank", "phase": "compress", "rank_share": 0.5},
    "quantization": {"technique": "quantization", "phase": "compress", "scheme": "int8_dynamic"},
    "quantization_aware": {
        "technique": "quantization_aware",
        "phase": "compress",
        "scheme": "int8_dynamic",
        "epochs": 1,
    },
    "early_exit": {"technique": "early_exit", "phase": "train", "epochs": 3, "exits": 2},
    "architecture_search": {
        "technique": "architecture_search",
        "phase": "search",
        "candidates": 2,
        "space": {"architectures": ["resnet10t", "resnet18"], "resolutions": [32]},
        "training": {"epochs": 1},
    },
    "supernet": {
        "technique": "supernet",
        "phase": "search",
        "strategy": "random",
        "candidates": 4,
        "space": {"resolutions": [32], "depths": [1, 2], "kernels": [3, 5], "expansions": [2, 4]},
        "training": {"epochs": 2},
    },
    "pretrained": {"technique": "pretrained", "phase": "pretrain", "source": "timm"},
    "declared": {"technique": "declared", "phase": "pretrain"},
}
"""A phase as it is added, by its technique: valid by itself, and short enough to be understood."""
