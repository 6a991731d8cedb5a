"""What a board shows that other rankings don't: plain arithmetic over its complete entries.

Full-cycle energy is E(N) = F + N·e, with F the one-time energy (nobody shares it, K = 1) and e the energy per image.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from leaderboard.domain.energy import ONE_TIME_PHASES
from leaderboard.domain.rank_correlation import kendall_tau_b

DECADES = tuple(10.0**power for power in range(3, 13))
USAGE_INTENSITIES = (1e4, 1e6, 1e8, 1e10, 1e12)
# What other rankings order by; the least is chosen.
FIGURES = ("macs", "parameters", "inference_j")
TEACHER = "teacher"
FEWEST_ENTRIES = 5
FEWEST_TRAININGS = 3


@dataclass(frozen=True, slots=True)
class Model:
    """An entry: joules of the one-time phases and per image, their uncertainties at 95 % (None if unknown), quality.

    network: what is the same under every training. phases: (phase, joules or None if missing) of the one-time phases.
    teacher_j: the part of the one-time energy that a teacher's forward passes took, None without one.
    """

    key: int
    quality: float
    one_time_j: float
    inference_j: float
    one_time_u95_j: float | None = None
    inference_u95_j: float | None = None
    parameters: int = 0
    macs: int | None = None
    network: str = ""
    phases: tuple[tuple[str, float | None], ...] = ()
    teacher_j: float | None = None
    complete: bool = True

    def energy_j(self, usage_intensity: float) -> float:
        """E(N) in joules, N in images."""
        return self.one_time_j + usage_intensity * self.inference_j


@dataclass(frozen=True, slots=True)
class Agreement:
    """Kendall's τ-b of the order by each figure with that by E(N); None without two different values."""

    usage_intensity: float
    macs: float | None
    parameters: float | None
    inference_j: float | None


def agreements(models: Sequence[Model], usage_intensities: Iterable[float] = DECADES) -> list[Agreement]:
    """How far the orders by MACs, parameters and inference energy are from the full-cycle order, at each N."""
    known = {name: [model for model in models if getattr(model, name) is not None] for name in FIGURES}
    return [
        Agreement(
            n,
            **{
                name: kendall_tau_b([getattr(model, name) for model in group], [model.energy_j(n) for model in group])
                for name, group in known.items()
            },
        )
        for n in usage_intensities
    ]


@dataclass(frozen=True, slots=True)
class Cost:
    """What choosing by each rule costs at N: E(N) of its choice over that of `best`. None if the best is 0 J."""

    usage_intensity: float
    best: Model
    factors: dict[str, float | None]


def best_first(models: Iterable[Model]) -> list[Model]:
    """The order that settles ties: the higher quality, then the smaller key."""
    return sorted(models, key=lambda model: (-model.quality, model.key))


def at_floor(models: Iterable[Model], min_quality: float) -> list[Model]:
    """The models that have at least this quality, in the order of ties."""
    return best_first(model for model in models if model.quality >= min_quality)


def choices(models: Iterable[Model]) -> dict[str, Model]:
    """The model of fewest MACs, fewest parameters, least inference energy and best quality, by rule.

    Of equal ones the one of higher quality, then smaller key. Without a rule that no model can be chosen by.
    """
    ordered = best_first(models)
    chosen = {}
    for name in FIGURES:
        known = [model for model in ordered if getattr(model, name) is not None]
        if known:
            chosen[name] = min(known, key=attrgetter(name))
    return chosen | ({"quality": ordered[0]} if ordered else {})


def costs(models: Iterable[Model], usage_intensities: Iterable[float] = DECADES) -> list[Cost]:
    """What choosing by the wrong figure costs at each N; nothing if there are no models."""
    ordered = best_first(models)
    chosen = choices(ordered)
    found = []
    for n in usage_intensities if ordered else ():
        best = min(ordered, key=lambda model: model.energy_j(n))
        least_j = best.energy_j(n)
        factors = {rule: model.energy_j(n) / least_j if least_j > 0 else None for rule, model in chosen.items()}
        found.append(Cost(n, best, factors))
    return found


def overtaking(model: Model) -> float | None:
    """Images from which inference has used more than the one-time energy: F/e; None if that never happens."""
    images = model.one_time_j / model.inference_j if model.inference_j > 0 else math.inf
    return images if images < math.inf else None


@dataclass(frozen=True, slots=True)
class Overtaking:
    """Where inference overtakes the one-time energy (images): median and the middle 90 % of the models.

    shares: at each N, the part of all models whose inference has used more than their one-time energy.
    """

    models: int
    low: float
    median: float
    high: float
    shares: tuple[tuple[float, float], ...]


def overtakings(models: Sequence[Model], usage_intensities: Iterable[float] = DECADES) -> Overtaking | None:
    """Where inference overtakes the one-time energy; None if no model has an inference energy above 0."""
    images = sorted(found for model in models if (found := overtaking(model)) is not None)
    if not images:
        return None
    shares = tuple((n, sum(found < n for found in images) / len(models)) for n in usage_intensities)
    return Overtaking(len(images), quantile(images, 0.05), quantile(images, 0.5), quantile(images, 0.95), shares)


def quantile(ascending: Sequence[float], part: float) -> float:
    """The value below which `part` (0 to 1) of the values lie, interpolated between neighbours."""
    position = part * (len(ascending) - 1)
    below = int(position)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (position - below) * (ascending[above] - ascending[below])


@dataclass(frozen=True, slots=True)
class Trainings:
    """One network under its different trainings, the cheapest first; factor: dearest over cheapest."""

    network: str
    models: tuple[Model, ...]
    factor: float


def widest_trainings(models: Iterable[Model], fewest: int = FEWEST_TRAININGS) -> Trainings | None:
    """The network whose trainings differ most in one-time energy, of those with at least `fewest`; None without one.

    Of equal ones that with more trainings, then the first by name.
    """
    of_network = defaultdict(list)
    for model in models:
        if model.network and model.one_time_j > 0:
            of_network[model.network].append(model)
    found = [
        Trainings(network, tuple(sorted(group, key=lambda model: (model.one_time_j, -model.quality, model.key))), 0.0)
        for network, group in of_network.items()
        if len(group) >= fewest
    ]
    spreads = [Trainings(t.network, t.models, t.models[-1].one_time_j / t.models[0].one_time_j) for t in found]
    return min(spreads, key=lambda t: (-t.factor, -len(t.models), t.network), default=None)


@dataclass(frozen=True, slots=True)
class PhasePart:
    """A phase's part of the one-time energy: median and middle 90 % among the `models` complete ones that have it.

    one_time_j: the median one-time energy of these models. missing: how many models have the phase without a figure.
    The parts are None if no complete model has the phase. `missing` is None of a teacher, whose passes are part of a
    phase.
    """

    phase: str
    models: int
    low: float | None
    median: float | None
    high: float | None
    one_time_j: float | None
    missing: int | None


def phase_parts(models: Sequence[Model]) -> list[PhasePart]:
    """What each phase adds, in the order of phases; without those that no model has. Takes incomplete models too."""
    found = [_phase_part(phase, models) for phase in ONE_TIME_PHASES]
    return [part for part in found if part.models or part.missing]


def _phase_part(phase: str, models: Sequence[Model]) -> PhasePart:
    parts, totals, missing = [], [], 0
    for model in models:
        energies = [energy_j for name, energy_j in model.phases if name == phase]
        if None in energies:
            missing += 1
        elif energies and model.complete and model.one_time_j > 0:
            parts.append(math.fsum(energy_j or 0.0 for energy_j in energies) / model.one_time_j)
            totals.append(model.one_time_j)
    return _part(phase, parts, totals, missing)


def teacher_part(models: Iterable[Model]) -> PhasePart:
    """What the forward passes of a teacher are of the one-time energy, among the complete models that had one."""
    taught = [
        (model.teacher_j, model.one_time_j) for model in models if model.complete and model.teacher_j is not None
    ]
    known = [(teacher_j / total_j, total_j) for teacher_j, total_j in taught if total_j > 0]
    return _part(TEACHER, [part for part, _ in known], [total_j for _, total_j in known], None)


def _part(phase: str, parts: list[float], totals: list[float], missing: int | None) -> PhasePart:
    if not parts:
        return PhasePart(phase, 0, None, None, None, None, missing)
    parts.sort()
    low, median, high = (quantile(parts, part) for part in (0.05, 0.5, 0.95))
    return PhasePart(phase, len(parts), low, median, high, quantile(sorted(totals), 0.5), missing)


def without_inference(models: Iterable[Model]) -> int:
    """How many models are incomplete although every one-time phase has a figure: that of inference is missing."""
    return sum(not model.complete and all(j is not None for _, j in model.phases) for model in models)
