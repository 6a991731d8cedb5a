"""The energy of a model's whole life, phase by phase, with provenance and uncertainty.

Missing is never zero: the total of a life with a missing phase is a lower bound, and is marked as one.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from leaderboard.domain.usage import check_shared_by, check_usage_intensity

ONE_TIME_PHASES = ("search", "pretrain", "train", "compress", "finetune")
SHARED_PHASES = ("search", "pretrain")
INFERENCE = "inference"
EVALUATE = "evaluate"  # metered, never charged: a LifeCycle refuses it
PHASES = (*ONE_TIME_PHASES, INFERENCE, EVALUATE)

# Far above any real figure (the sun emits 4e26 J a second), and its square does not overflow.
MAX_ENERGY_J = 1e30


class Provenance(StrEnum):
    """The origin of an energy figure, the most trusted first."""

    METERED = "metered"
    EXTRAPOLATED = "extrapolated"
    REPORTED = "reported"
    ESTIMATED = "estimated"
    MISSING = "missing"


_DISTRUST = {provenance: position for position, provenance in enumerate(Provenance)}


def weakest(provenances: Iterable[Provenance]) -> Provenance:
    """Return the least trusted of the provenances; ValueError if there are none."""
    return max(provenances, key=_DISTRUST.__getitem__)


def check_energy_j(name: str, energy_j: float) -> float:
    """Return joules; ValueError, naming the figure, unless it is a number from 0 to 1e30 J."""
    if not 0 <= energy_j <= MAX_ENERGY_J:
        raise ValueError(f"{name} is {energy_j!r}, but must be a number of joules from 0 to 1e30")
    return energy_j


@dataclass(frozen=True, slots=True)
class PhaseEnergy:
    """Energy of one phase in joules; of the phase `inference`, joules per image.

    `energy_j` is None exactly if the provenance is missing. `repeatability_u95_j` is the expanded
    uncertainty at 95 % coverage without the meter's gain error, in the same unit, None if unknown.
    Raises ValueError for an unknown phase, for joules that are negative, not finite or above 1e30, and for an
    energy that contradicts its provenance.
    """

    phase: str
    energy_j: float | None
    repeatability_u95_j: float | None
    provenance: Provenance

    def __post_init__(self) -> None:
        if self.phase not in PHASES:
            raise ValueError(f"phase is {self.phase!r}, but must be one of {', '.join(PHASES)}")
        if self.energy_j is None:
            if self.provenance != Provenance.MISSING:
                raise ValueError(f"{self.phase}: a {self.provenance} phase needs energy_j, which is None")
            if self.repeatability_u95_j is not None:
                raise ValueError(f"{self.phase}: a missing energy has no repeatability_u95_j")
            return
        if self.provenance == Provenance.MISSING:
            raise ValueError(f"{self.phase}: energy_j is {self.energy_j!r}, but a missing phase has none")
        check_energy_j(f"{self.phase}: energy_j", self.energy_j)
        if self.repeatability_u95_j is not None:
            check_energy_j(f"{self.phase}: repeatability_u95_j", self.repeatability_u95_j)


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """One model's phases: one-time ones, each as often as it was done, and inference per image.

    The arithmetic is E(N, K) = shared/K + own + N·e of arXiv 2108.13465, with the shared phases (search and
    pretrain) divided by the K deployments that share them. Raises ValueError for a phase out of place.
    """

    one_time: tuple[PhaseEnergy, ...]
    inference: PhaseEnergy

    def __post_init__(self) -> None:
        names = [part.phase for part in self.one_time]
        for name in names:
            if name not in ONE_TIME_PHASES:
                raise ValueError(f"{name!r} is not a one-time phase; those are {', '.join(ONE_TIME_PHASES)}")
        if self.inference.phase != INFERENCE:
            raise ValueError(f"inference is of phase {self.inference.phase!r}, but must be {INFERENCE!r}")

    @property
    def parts(self) -> tuple[PhaseEnergy, ...]:
        """Every phase, inference last."""
        return (*self.one_time, self.inference)

    @property
    def shared_energy_j(self) -> float:
        """Joules of search and pretrain before sharing, over the known parts."""
        return math.fsum(part.energy_j or 0.0 for part in self._one_time(shared=True))

    @property
    def own_energy_j(self) -> float:
        """Joules of train, compress and finetune, over the known parts."""
        return math.fsum(part.energy_j or 0.0 for part in self._one_time(shared=False))

    @property
    def inference_energy_j(self) -> float:
        """Joules per image, 0.0 if missing: see `is_lower_bound`."""
        return self.inference.energy_j or 0.0

    @property
    def shared_u95_j(self) -> float | None:
        """Repeatability (95 %) of `shared_energy_j` in joules; None if that of any phase is unknown."""
        return _root_sum_of_squares(self._one_time(shared=True))

    @property
    def own_u95_j(self) -> float | None:
        """Repeatability (95 %) of `own_energy_j` in joules; None if that of any phase is unknown."""
        return _root_sum_of_squares(self._one_time(shared=False))

    @property
    def inference_u95_j(self) -> float | None:
        """Repeatability (95 %) of `inference_energy_j` in joules per image, None if unknown."""
        return self.inference.repeatability_u95_j

    @property
    def is_lower_bound(self) -> bool:
        """Whether some phase or inference is missing, so that every total is "at least"."""
        return self.provenance == Provenance.MISSING

    @property
    def provenance(self) -> Provenance:
        """The weakest provenance of all phases and inference."""
        return weakest(part.provenance for part in self.parts)

    def one_time_energy_j(self, shared_by: float = 1) -> float:
        """Joules of the one-time phases, shared phases divided by `shared_by` (K >= 1)."""
        return one_time_energy_j(self, check_shared_by(shared_by))

    def full_cycle_energy_j(self, usage_intensity: float, shared_by: float = 1) -> float:
        """E(N, K) in joules; N in images (above 0, at most 1e15), K in deployments (>= 1).

        A lower bound if `is_lower_bound`.
        """
        served_energy_j = check_usage_intensity(usage_intensity) * self.inference_energy_j
        return self.one_time_energy_j(shared_by) + served_energy_j

    def full_cycle_u95_j(self, usage_intensity: float, shared_by: float = 1) -> float | None:
        """Repeatability of E(N, K) in joules at 95 %: U² = Σ U²(phase) + (N·U(e))² (GUM 5.1.2, uncorrelated).

        U of a shared phase is divided by K as its energy is. None if any term is unknown: the known ones
        alone would look complete.
        """
        check_usage_intensity(usage_intensity)
        check_shared_by(shared_by)
        return combined_u95_j(self.shared_u95_j, self.own_u95_j, self.inference_u95_j, usage_intensity, shared_by)

    def absolute_u95_j(self, usage_intensity: float, shared_by: float, gain_u95_relative: float) -> float | None:
        """Uncertainty of E(N, K) in joules at 95 % for comparing across cards.

        A card's gain error is common to all terms, fully correlated, so `gain_u95_relative`·E(N, K) adds
        linearly to the repeatability (GUM 5.2.2). None if the repeatability is unknown. ValueError if
        `gain_u95_relative` (a fraction, 0.05 for 5 %) is negative or not finite.
        """
        if not 0 <= gain_u95_relative < math.inf:
            raise ValueError(f"gain_u95_relative is {gain_u95_relative!r}, but must be finite and at least 0")
        repeatability_u95_j = self.full_cycle_u95_j(usage_intensity, shared_by)
        if repeatability_u95_j is None:
            return None
        return repeatability_u95_j + gain_u95_relative * self.full_cycle_energy_j(usage_intensity, shared_by)

    def metered_share(self, usage_intensity: float, shared_by: float = 1) -> float:
        """Fraction (0 to 1) of the known joules of E(N, K) that were metered; 0.0 if none are known."""
        total_energy_j = self.full_cycle_energy_j(usage_intensity, shared_by)
        metered_energy_j = math.fsum(
            (part.energy_j or 0.0) * _weight(part, usage_intensity, shared_by)
            for part in self.parts
            if part.provenance == Provenance.METERED
        )
        # The two sums round differently in their last digit; a share never passes 1.
        return min(1.0, metered_energy_j / total_energy_j) if total_energy_j > 0 else 0.0

    def _one_time(self, *, shared: bool) -> tuple[PhaseEnergy, ...]:
        return tuple(part for part in self.one_time if (part.phase in SHARED_PHASES) == shared)


class OneTimeEnergies(Protocol):
    """Whatever has one-time energies: a life cycle, a candidate, a stored entry."""

    @property
    def shared_energy_j(self) -> float:
        """Search and pretrain, before sharing."""
        ...

    @property
    def own_energy_j(self) -> float:
        """The other one-time phases."""
        ...


def one_time_energy_j(of: OneTimeEnergies, shared_by: float) -> float:
    """One-time joules, shared/K + own, for K = `shared_by` deployments."""
    return of.shared_energy_j / shared_by + of.own_energy_j


def combined_u95_j(
    shared_u95_j: float | None,
    own_u95_j: float | None,
    inference_u95_j: float | None,
    usage_intensity: float,
    shared_by: float,
) -> float | None:
    """Root sum of squares (GUM 5.1.2) of (U_shared/K), U_own and N·U(e), in joules; None if any is unknown.

    Written without math.hypot so that the browser's copy rounds the same way, digit for digit.
    """
    if shared_u95_j is None or own_u95_j is None or inference_u95_j is None:
        return None
    shared = shared_u95_j / shared_by
    served = usage_intensity * inference_u95_j
    return math.sqrt(shared * shared + own_u95_j * own_u95_j + served * served)


def _weight(part: PhaseEnergy, usage_intensity: float, shared_by: float) -> float:
    if part.phase == INFERENCE:
        return usage_intensity
    return 1.0 / shared_by if part.phase in SHARED_PHASES else 1.0


def _root_sum_of_squares(parts: Iterable[PhaseEnergy]) -> float | None:
    squares = []
    for part in parts:
        if part.repeatability_u95_j is None:
            return None
        squares.append(part.repeatability_u95_j**2)
    return math.sqrt(math.fsum(squares))
