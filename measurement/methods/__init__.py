"""The explicit registry: a recipe's `technique` and the code that does it. Importing it needs torch.

`declared` is not here: nobody runs it.
"""

from __future__ import annotations

from measurement.methods.base import PhaseContext, PhaseOutcome, Technique, no_progress
from measurement.methods.pretrained import load_pretrained
from measurement.methods.structured_pruning import prune_channels, rehearse_pruning
from measurement.methods.supervised import rehearse_training, train_supervised

TECHNIQUES: dict[str, Technique] = {
    "pretrained": Technique(run=load_pretrained, rehearse=load_pretrained),
    "structured_pruning": Technique(run=prune_channels, rehearse=rehearse_pruning),
    "supervised": Technique(run=train_supervised, rehearse=rehearse_training),
}

__all__ = ["TECHNIQUES", "PhaseContext", "PhaseOutcome", "Technique", "no_progress"]
