"""The explicit registry: a recipe's `technique` and the code that does it. Importing it needs torch.

`declared` is not here: nobody runs it.
"""

from __future__ import annotations

from measurement.methods.base import PhaseContext, PhaseOutcome, Technique, no_progress
from measurement.methods.low_rank import factorize
from measurement.methods.pretrained import load_pretrained
from measurement.methods.quantization import quantize, rehearse_quantization
from measurement.methods.quantization_aware import rehearse_quantization_aware, train_and_quantize
from measurement.methods.sparsity import sparsify
from measurement.methods.structured_pruning import prune_channels, rehearse_pruning
from measurement.methods.supervised import rehearse_training, train_supervised

TECHNIQUES: dict[str, Technique] = {
    "pretrained": Technique(run=load_pretrained, rehearse=load_pretrained),
    "low_rank": Technique(run=factorize, rehearse=factorize),
    "quantization": Technique(run=quantize, rehearse=rehearse_quantization),
    "quantization_aware": Technique(run=train_and_quantize, rehearse=rehearse_quantization_aware),
    "sparsity": Technique(run=sparsify, rehearse=sparsify),
    "structured_pruning": Technique(run=prune_channels, rehearse=rehearse_pruning),
    "supervised": Technique(run=train_supervised, rehearse=rehearse_training),
}

__all__ = ["TECHNIQUES", "PhaseContext", "PhaseOutcome", "Technique", "no_progress"]
