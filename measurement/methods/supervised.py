"""Technique `supervised`: cross-entropy on the track's labelled images."""

from __future__ import annotations

from measurement.recipe import SupervisedPhase
from measurement.training import fit, rehearse_step
from measurement.training.context import PhaseContext, PhaseOutcome


def train_supervised(context: PhaseContext) -> PhaseOutcome:
    """Train `context.model` in place for the declared epochs. Raises MeasurementError as `fit` does."""
    detail = fit(context, context.spec_as(SupervisedPhase))
    return PhaseOutcome(context.model, detail)


def rehearse_training(context: PhaseContext) -> PhaseOutcome:
    """One step on two images. Raises BadInput if the architecture can't be trained."""
    rehearse_step(context, context.spec_as(SupervisedPhase))
    return PhaseOutcome(context.model)
