"""Technique `declared`."""

from __future__ import annotations

from typing import Literal

from measurement.recipe.parts import DeclaredEnergy


class DeclaredPhase(DeclaredEnergy):
    """A phase that the worker does not run: `reported` with a figure and its evidence, else `missing`."""

    technique: Literal["declared"]
    phase: Literal["search", "pretrain"]
