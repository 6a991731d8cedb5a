"""What the tests of compression share: a trained network of seconds, and phases run one by one."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from measurement.methods import TECHNIQUES, PhaseContext, PhaseOutcome, no_progress
from measurement.networks.build import build_model
from measurement.recipe import Recipe
from measurement.tracks import TRACKS
from tests.measurement.running import TRAIN, tiny_recipe

CPU = torch.device("cpu")
DIGITS = TRACKS["digits"]
SCHEDULE: dict[str, Any] = {"batch_size": 64, "schedule": "one_cycle", "optimizer": {"learning_rate": 0.005}}
TAUGHT = TRAIN | SCHEDULE | {"epochs": 3}
FINETUNE = TAUGHT | {"phase": "finetune", "epochs": 1}
TRANSFORMER = {"architecture": "test_vit", "resolution": 16}


def compress(technique: str, **fields: Any) -> dict[str, Any]:
    return {"phase": "compress", "technique": technique, **fields}


def untrained(recipe: Recipe, position: int) -> PhaseContext:
    """The phase at `position` on random weights."""
    torch.manual_seed(0)
    return PhaseContext(
        spec=recipe.phases[position],
        position=position,
        recipe=recipe,
        track=DIGITS,
        model=build_model(recipe, DIGITS, CPU),
        train=DIGITS.load_train(recipe.model.resolution),
        device=CPU,
        seed=recipe.seed + position,
        advance=no_progress,
    )


def after(*phases: dict[str, Any], **changes: Any) -> PhaseOutcome:
    """What the last of `phases` gives, which follow the training `TAUGHT`; trained once for each architecture."""
    recipe = tiny_recipe(TAUGHT, *phases, **changes)
    outcome = PhaseOutcome(copy.deepcopy(_taught(recipe.model.architecture, recipe.model.resolution)))
    for position in range(1, len(recipe.phases)):
        context = replace(untrained(recipe, position), model=outcome.model)
        outcome = TECHNIQUES[recipe.phases[position].technique].run(context)
    return outcome


def accuracy(model: nn.Module) -> float:
    images, labels = DIGITS.load_test(16).first(360)
    with torch.inference_mode():
        return float((model.eval()(images).argmax(dim=1) == labels).float().mean())


@lru_cache(maxsize=4)
def _taught(architecture: str, resolution: int) -> nn.Module:
    recipe = tiny_recipe(TAUGHT, model={"architecture": architecture, "resolution": resolution})
    return TECHNIQUES["supervised"].run(untrained(recipe, 0)).model
