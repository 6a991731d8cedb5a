"""The explicit registry: a recipe's `technique` and the code that does it. Importing it needs torch.

`declared` is not here: it is never run.
"""

from __future__ import annotations

from measurement.methods.distillation import distil, rehearse_distillation
from measurement.methods.early_exit import rehearse_early_exits, train_early_exits
from measurement.methods.low_rank import factorize, rehearse_factorization
from measurement.methods.pretrained import load_pretrained
from measurement.methods.quantization import quantize, rehearse_quantization
from measurement.methods.quantization_aware import rehearse_quantization_aware, train_and_quantize
from measurement.methods.search import rehearse_search, search_architectures
from measurement.methods.sparsity import sparsify
from measurement.methods.structured_pruning import prune_channels, rehearse_pruning
from measurement.methods.supernet import rehearse_supernet, search_supernet
from measurement.methods.supervised import rehearse_training, train_supervised
from measurement.progress import no_progress
from measurement.training.context import PhaseContext, PhaseOutcome, Technique

TECHNIQUES: dict[str, Technique] = {
    "architecture_search": Technique(run=search_architectures, rehearse=rehearse_search),
    "distillation": Technique(run=distil, rehearse=rehearse_distillation),
    "early_exit": Technique(run=train_early_exits, rehearse=rehearse_early_exits),
    "low_rank": Technique(run=factorize, rehearse=rehearse_factorization),
    "pretrained": Technique(run=load_pretrained, rehearse=load_pretrained),
    "quantization": Technique(run=quantize, rehearse=rehearse_quantization),
    "quantization_aware": Technique(run=train_and_quantize, rehearse=rehearse_quantization_aware),
    "sparsity": Technique(run=sparsify, rehearse=sparsify),
    "structured_pruning": Technique(run=prune_channels, rehearse=rehearse_pruning),
    "supernet": Technique(run=search_supernet, rehearse=rehearse_supernet),
    "supervised": Technique(run=train_supervised, rehearse=rehearse_training),
}

__all__ = ["TECHNIQUES", "PhaseContext", "PhaseOutcome", "Technique", "no_progress"]
