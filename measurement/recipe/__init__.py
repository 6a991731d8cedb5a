"""The recipe: how a model is made and run, as a declarative document. No torch here: the site reads recipes too."""

from __future__ import annotations

from measurement.recipe.document import (
    SCHEMA_VERSION,
    Recipe,
    load_recipe,
    parse_recipe,
    read_recipe,
    recipe_json_schema,
)
from measurement.recipe.model import known_architectures
from measurement.recipe.techniques import (
    TECHNIQUES,
    DeclaredPhase,
    LowRankPhase,
    PhaseSpec,
    PretrainedPhase,
    QuantizationAwarePhase,
    QuantizationPhase,
    SparsityPhase,
    StructuredPruningPhase,
    SupervisedPhase,
)
from measurement.recipe.training import Optimizer, TrainingOptions

__all__ = [
    "SCHEMA_VERSION",
    "TECHNIQUES",
    "DeclaredPhase",
    "LowRankPhase",
    "QuantizationAwarePhase",
    "QuantizationPhase",
    "SparsityPhase",
    "Optimizer",
    "PhaseSpec",
    "PretrainedPhase",
    "Recipe",
    "StructuredPruningPhase",
    "SupervisedPhase",
    "TrainingOptions",
    "known_architectures",
    "load_recipe",
    "parse_recipe",
    "read_recipe",
    "recipe_json_schema",
]
