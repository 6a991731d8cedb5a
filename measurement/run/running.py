"""What the steps of one run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from measurement.recipe import Recipe
from measurement.record import BatchProbe
from measurement.run.budget import NOTHING
from measurement.run.options import RunOptions
from measurement.run.sampling import SamplingPlan
from measurement.run.steps import Steps
from measurement.run.workbench import Workbench


@dataclass(slots=True)
class Running:
    """A recipe under way: what it is made with, what it has spent, how it was asked for."""

    recipe: Recipe
    workbench: Workbench
    steps: Steps
    synchronize: Callable[[], None]
    options: RunOptions
    started_at: datetime
    allocator: str
    probes: tuple[BatchProbe, ...] = ()
    """By which the batch was chosen: once for all scenarios, so that they have the same."""

    @property
    def sampling(self) -> SamplingPlan | None:
        """How phases are sampled; None if they are run in full."""
        return self.options.sampling_plan

    @property
    def left_out(self) -> bool:
        """Whether a phase so far was only sampled."""
        return self.steps.left_out != NOTHING
