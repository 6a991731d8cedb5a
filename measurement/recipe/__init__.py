"""The recipe: how a model is made and run, as a declarative document. No torch here: the site reads recipes too."""

from __future__ import annotations

from measurement.recipe.brought import OnnxModel
from measurement.recipe.document import SCHEMA_VERSION, Recipe
from measurement.recipe.model import DETECTORS, ELASTIC_MOBILE, Model, known_architectures
from measurement.recipe.reading import load_recipe, parse_recipe, read_recipe, recipe_json_schema
from measurement.recipe.search import SearchOptions
from measurement.recipe.techniques import (
    TECHNIQUES,
    ArchitectureSearchPhase,
    ArchitectureSpace,
    DeclaredPhase,
    DistillationPhase,
    EarlyExitPhase,
    ElasticSpace,
    LowRankPhase,
    PhaseSpec,
    PretrainedPhase,
    QuantizationAwarePhase,
    QuantizationPhase,
    SparsityPhase,
    StructuredPruningPhase,
    SubNetwork,
    SupernetPhase,
    SupervisedPhase,
)
from measurement.recipe.training import Optimizer, TrainingOptions

__all__ = [
    "DETECTORS",
    "ELASTIC_MOBILE",
    "SCHEMA_VERSION",
    "TECHNIQUES",
    "ArchitectureSearchPhase",
    "ArchitectureSpace",
    "DeclaredPhase",
    "DistillationPhase",
    "EarlyExitPhase",
    "ElasticSpace",
    "LowRankPhase",
    "Model",
    "OnnxModel",
    "Optimizer",
    "PhaseSpec",
    "PretrainedPhase",
    "QuantizationAwarePhase",
    "QuantizationPhase",
    "Recipe",
    "SearchOptions",
    "SparsityPhase",
    "StructuredPruningPhase",
    "SubNetwork",
    "SupernetPhase",
    "SupervisedPhase",
    "TrainingOptions",
    "known_architectures",
    "load_recipe",
    "parse_recipe",
    "read_recipe",
    "recipe_json_schema",
]
