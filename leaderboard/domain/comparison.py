"""Two results of one model side by side, phase by phase: published by others, and verified by our workers."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from leaderboard.domain.energy import INFERENCE, ONE_TIME_PHASES, Provenance, weakest


class Result(Protocol):
    """Whatever has the figures of a life: a stored entry. `phases` are its one-time phases."""

    @property
    def phases(self) -> list[Mapping[str, Any]]:
        """Each with `phase`, `energy_j`, `u95_j` and `provenance`; several may have one name."""
        ...

    @property
    def inference_energy_j(self) -> float:
        """Joules per image."""
        ...

    @property
    def inference_u95_j(self) -> float | None:
        """Repeatability at 95 %, joules per image."""
        ...

    @property
    def inference_provenance(self) -> str:
        """Of the inference energy."""
        ...


@dataclass(frozen=True, slots=True)
class Figure:
    """Joules of a phase, of inference per image; None if missing. `u95_j` is None if unknown."""

    energy_j: float | None
    u95_j: float | None
    provenance: str


@dataclass(frozen=True, slots=True)
class PhasePair:
    """A phase of both results; None for the one that has no such phase."""

    phase: str
    published: Figure | None
    verified: Figure | None

    @property
    def ratio(self) -> float | None:
        """Verified / published, None unless both are known and the published one is above 0."""
        figures = (self.published, self.verified)
        there, here = (figure.energy_j if figure is not None else None for figure in figures)
        return ratio(here, there)


def ratio(verified: float | None, published: float | None) -> float | None:
    """Verified / published, None unless both are known and the published one is above 0."""
    return None if verified is None or published is None or published <= 0 else verified / published


def phase_pairs(published: Result, verified: Result) -> list[PhasePair]:
    """Every phase that either result has, in order, inference last. Phases of one name are added up."""
    there, here = _figures(published), _figures(verified)
    names = [name for name in (*ONE_TIME_PHASES, INFERENCE) if name in there or name in here]
    return [PhasePair(name, there.get(name), here.get(name)) for name in names]


def _figures(result: Result) -> dict[str, Figure]:
    named: dict[str, list[Figure]] = {}
    for part in result.phases:
        named.setdefault(part["phase"], []).append(Figure(part["energy_j"], part["u95_j"], part["provenance"]))
    is_missing = result.inference_provenance == Provenance.MISSING
    inference = Figure(
        None if is_missing else result.inference_energy_j,
        None if is_missing else result.inference_u95_j,
        result.inference_provenance,
    )
    return {name: _added_up(figures) for name, figures in named.items()} | {INFERENCE: inference}


def _added_up(figures: list[Figure]) -> Figure:
    """The sum of phases of one name: missing if one is, of unknown uncertainty if one's is."""
    uncertainties = _known(figure.u95_j for figure in figures)
    energies = _known(figure.energy_j for figure in figures)
    return Figure(
        None if energies is None else math.fsum(energies),
        None if uncertainties is None else math.sqrt(math.fsum(u95_j * u95_j for u95_j in uncertainties)),
        str(weakest(Provenance(figure.provenance) for figure in figures)),
    )


def _known(values: Iterable[float | None]) -> list[float] | None:
    """All the values, None if any is."""
    listed = list(values)
    known = [value for value in listed if value is not None]
    return known if len(known) == len(listed) else None
