"""Technique `supervised`."""

from __future__ import annotations

from typing import Literal

from measurement.recipe.training import TrainingOptions


class SupervisedPhase(TrainingOptions):
    """Training on the track's labelled images: `train` from scratch, `finetune` from the phase before."""

    technique: Literal["supervised"]
    phase: Literal["train", "finetune"]
