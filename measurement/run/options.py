"""How a recipe is run."""

from __future__ import annotations

from dataclasses import dataclass

from measurement.run.budget import Limits
from measurement.run.inference import InferencePlan
from measurement.run.sampling import METHODOLOGY, SamplingPlan
from measurement.run.steps import Reporter, silent
from measurement.vocabulary import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """device: `auto`, `cpu` or `cuda:0`. budget_s, budget_j: what all attempts may take; None: no limit.

    require_metered: fail unless the device has a meter. force: replace the record in the folder. resume: continue
    after the last phase that an earlier attempt in the folder has finished. reporter: gets the run's events. plan:
    how inference is measured, by default as the device requires. sampling: how a sampled run samples. accept_busy:
    measure nothing again that the machine's other work disturbed. memory_mb: the process's limit, MiB, near which it
    keeps no freed memory.
    """

    mode: Mode = "full"
    device: str = "auto"
    budget_s: float | None = None
    budget_j: float | None = None
    require_metered: bool = False
    force: bool = False
    resume: bool = False
    reporter: Reporter = silent
    plan: InferencePlan | None = None
    sampling: SamplingPlan = METHODOLOGY
    accept_busy: bool = False
    memory_mb: float | None = None

    @property
    def limits(self) -> Limits:
        """The given budget."""
        return Limits(self.budget_s, self.budget_j)

    @property
    def sampling_plan(self) -> SamplingPlan | None:
        """How phases are sampled; None if they are run in full."""
        return self.sampling if self.mode == "sampled" else None
