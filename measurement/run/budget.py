"""What a run may cost, and whether it will: spent so far, and projected to the end of a phase.

For a sampled run, the recipe's own budget also covers what the sample represents: otherwise a recipe that no full run
could verify would be published.
"""

from __future__ import annotations

from dataclasses import dataclass

from measurement.errors import OverBudget

PROJECT_AFTER_S = 2.0
"""Seconds of a phase before it is projected: the first steps are slow, because libraries tune themselves in them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a run may take, from start to end; None is no limit. Joules are of the accelerator scope."""

    time_s: float | None = None
    energy_j: float | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Spending:
    """Seconds and joules of a run so far; joules None if the meter has no figure."""

    time_s: float
    energy_j: float | None

    def __add__(self, other: Spending) -> Spending:
        unknown = self.energy_j is None or other.energy_j is None
        energy_j = None if unknown else (self.energy_j or 0.0) + (other.energy_j or 0.0)
        return Spending(self.time_s + other.time_s, energy_j)


NOTHING = Spending(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Fields:
    """Where the limits are set, for messages: an option, or a path in the recipe."""

    time: str
    energy: str


OPTIONS = Fields("--budget-s", "--budget-j")
RECIPE = Fields("budget.time_s", "budget.energy_j")


class PhaseBudget:
    """Checks one phase against the limits; `fields` names them in messages."""

    def __init__(self, phase: str, limits: Limits, fields: Fields = OPTIONS) -> None:
        self._phase = phase
        self._limits = limits
        self._fields = fields
        self._steady: tuple[float, Spending] | None = None

    def check(self, now: Spending, fraction: float | None = None, left_out: Spending = NOTHING) -> None:
        """Raise OverBudget if `now` is past a limit, will be at the end of the phase, or would be in a full run.

        fraction: the part of the phase that is done, 0..1; None if its length is not known beforehand.
        left_out: what a sampled run has left out, in this phase and before.
        """
        end = (now if fraction is None else self._projected(now, fraction)) + left_out
        why = "this sample scaled up to its schedule" if left_out != NOTHING else "projected from its first steps"
        self._enforce("s", self._fields.time, self._limits.time_s, now.time_s, end.time_s, why=why)
        self._enforce("J", self._fields.energy, self._limits.energy_j, now.energy_j, end.energy_j, why=why)

    def _projected(self, now: Spending, fraction: float) -> Spending:
        """Spending at the end of the phase, at the pace since its first steps."""
        if self._steady is None:
            self._steady = (fraction, now)
        from_fraction, since = self._steady
        if now.time_s - since.time_s < PROJECT_AFTER_S or fraction <= from_fraction:
            return now
        scale = (1 - fraction) / (fraction - from_fraction)
        energy_j = (
            None
            if now.energy_j is None or since.energy_j is None
            else now.energy_j + scale * (now.energy_j - since.energy_j)
        )
        return Spending(now.time_s + scale * (now.time_s - since.time_s), energy_j)

    def _enforce(
        self, unit: str, field: str, limit: float | None, now: float | None, end: float | None, *, why: str
    ) -> None:
        if limit is None or now is None or end is None or max(now, end) <= limit:
            return
        if now > limit:
            raise OverBudget(
                f"phase {self._phase}: {now:,.1f} {unit} spent exceeds the budget of {limit:,.1f} {unit}; "
                "use fewer epochs or raise the budget",
                field=field,
            )
        raise OverBudget(
            f"phase {self._phase}: {end:,.0f} {unit} ({why}) by its end exceeds the budget of {limit:,.1f} {unit}; "
            "use fewer epochs or raise the budget",
            field=field,
        )
