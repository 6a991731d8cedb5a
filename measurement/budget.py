"""What a run may cost, and whether it will: spent so far, and projected to the end of a phase."""

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

    def tightened(self, other: Limits) -> Limits:
        """The smaller limit of the two, each for itself."""
        return Limits(_smaller(self.time_s, other.time_s), _smaller(self.energy_j, other.energy_j))


@dataclass(frozen=True, slots=True)
class Spending:
    """Seconds and joules of a run so far; joules None where the meter has no figure."""

    time_s: float
    energy_j: float | None


class PhaseBudget:
    """Watches one phase."""

    def __init__(self, phase: str, limits: Limits) -> None:
        self._phase = phase
        self._limits = limits
        self._steady: tuple[float, Spending] | None = None

    def check(self, now: Spending, fraction: float | None = None) -> None:
        """Raise OverBudget where `now` is past a limit, or will be at the end of the phase.

        fraction: the part of the phase that is done, 0..1; None where its length is not known beforehand.
        """
        end = now if fraction is None else self._projected(now, fraction)
        self._hold("s", "--budget-s", self._limits.time_s, now.time_s, end.time_s)
        self._hold("J", "--budget-j", self._limits.energy_j, now.energy_j, end.energy_j)

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

    def _hold(self, unit: str, field: str, limit: float | None, now: float | None, end: float | None) -> None:
        if limit is None or now is None or end is None or max(now, end) <= limit:
            return
        if now > limit:
            raise OverBudget(
                f"{now:,.1f} {unit} spent in phase {self._phase}, of a budget of {limit:,.1f} {unit}", field=field
            )
        raise OverBudget(
            f"by the end of phase {self._phase} the run would have spent {end:,.0f} {unit} (projected from its first "
            f"steps), of a budget of {limit:,.1f} {unit}; fewer epochs or a larger budget",
            field=field,
        )


def _smaller(first: float | None, second: float | None) -> float | None:
    given = [limit for limit in (first, second) if limit is not None]
    return min(given) if given else None
