"""Every technique that a recipe may name: one file each, the fields of a phase. No torch here.

The code of a technique is in `measurement.methods`, under the same name.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from measurement.recipe.techniques.declared import DeclaredPhase
from measurement.recipe.techniques.distillation import DistillationPhase
from measurement.recipe.techniques.early_exit import EarlyExitPhase
from measurement.recipe.techniques.low_rank import LowRankPhase
from measurement.recipe.techniques.pretrained import PretrainedPhase
from measurement.recipe.techniques.quantization import QuantizationPhase
from measurement.recipe.techniques.quantization_aware import QuantizationAwarePhase
from measurement.recipe.techniques.search import ArchitectureSearchPhase, ArchitectureSpace
from measurement.recipe.techniques.sparsity import SparsityPhase
from measurement.recipe.techniques.structured_pruning import StructuredPruningPhase
from measurement.recipe.techniques.supernet import ElasticSpace, SubNetwork, SupernetPhase
from measurement.recipe.techniques.supervised import SupervisedPhase

AnyPhase = (
    SupervisedPhase
    | StructuredPruningPhase
    | ArchitectureSearchPhase
    | SupernetPhase
    | SparsityPhase
    | LowRankPhase
    | QuantizationPhase
    | QuantizationAwarePhase
    | DistillationPhase
    | EarlyExitPhase
    | PretrainedPhase
    | DeclaredPhase
)  # fmt: skip
PhaseSpec = Annotated[AnyPhase, Field(discriminator="technique")]

TECHNIQUES: frozenset[str] = frozenset(
    name for phase in get_args(AnyPhase) for name in get_args(phase.model_fields["technique"].annotation)
)
"""The names that `technique` may have."""

__all__ = [
    "TECHNIQUES",
    "ArchitectureSearchPhase",
    "ArchitectureSpace",
    "DeclaredPhase",
    "DistillationPhase",
    "EarlyExitPhase",
    "ElasticSpace",
    "LowRankPhase",
    "PhaseSpec",
    "PretrainedPhase",
    "QuantizationAwarePhase",
    "QuantizationPhase",
    "SparsityPhase",
    "StructuredPruningPhase",
    "SubNetwork",
    "SupernetPhase",
    "SupervisedPhase",
]
