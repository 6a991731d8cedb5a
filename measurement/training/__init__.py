"""The training loop that every technique with one shares. Importing it needs torch."""

from __future__ import annotations

from measurement.training.job import LossOf, cross_entropy
from measurement.training.loop import endless, fit
from measurement.training.rehearsal import rehearse_step
from measurement.training.validation import evaluating, share_validated_from

__all__ = ["LossOf", "cross_entropy", "endless", "evaluating", "fit", "rehearse_step", "share_validated_from"]
