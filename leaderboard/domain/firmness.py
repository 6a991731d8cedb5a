"""How firm a champion is: the share of draws, within the uncertainties, in which it stays champion.

Each draw gives every model another one-time energy and another inference energy, independent of each other:
log-normal, with the stated figure as the median and U95/1.96 as the standard uncertainty. A Latin hypercube (McKay,
Beckman and Conover, Technometrics 21, 1979) takes each of the equally likely values once, in an order that is
shuffled for each model with a fixed seed. So the answer is the same at every call, and no value lies beyond a known
limit: models that cannot win within the limits need no draws.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from statistics import NormalDist

from leaderboard.domain.findings import USAGE_INTENSITIES, Model, at_floor

DRAWS = 400
SEED = 2108_13465
COVERAGE_FACTOR = 1.96  # of a normal distribution at 95 %


@dataclass(frozen=True, slots=True)
class Champion:
    """The model of least E(N) at a quality floor, and the share of draws (0 to 1) in which it stays that.

    rivals: how many others win at least one draw.
    """

    min_quality: float
    usage_intensity: float
    model: Model
    share: float
    rivals: int


def spread(value: float, u95: float | None) -> float:
    """Standard deviation of the logarithm: that of a log-normal whose relative uncertainty is U95/1.96/value.

    0.0, an exact figure, if the uncertainty is unknown or the value is 0.
    """
    if value <= 0 or not u95:
        return 0.0
    relative = u95 / COVERAGE_FACTOR / value
    return math.sqrt(math.log1p(relative * relative))


@cache
def levels(draws: int = DRAWS) -> tuple[float, ...]:
    """The values of a standard normal variable that are drawn, once each: the middles of equally likely parts."""
    normal = NormalDist()
    return tuple(normal.inv_cdf((draw + 0.5) / draws) for draw in range(draws))


def draw_model(model: Model, draws: int = DRAWS) -> tuple[list[float], list[float]]:
    """One-time energies and inference energies of a model, one each a draw, joules."""
    random = Random(f"{SEED}:{model.key}")  # noqa: S311  # a simulation, not a secret
    one_time, inference = _shuffled(random, draws), _shuffled(random, draws)
    of_one_time = spread(model.one_time_j, model.one_time_u95_j)
    of_inference = spread(model.inference_j, model.inference_u95_j)
    return (
        [model.one_time_j * math.exp(of_one_time * level) for level in one_time],
        [model.inference_j * math.exp(of_inference * level) for level in inference],
    )


def _shuffled(random: Random, draws: int) -> list[float]:
    # By random keys: twice as fast as random.shuffle().
    return [level for _, level in sorted((random.random(), level) for level in levels(draws))]


def champions(
    models: Iterable[Model],
    floors: Iterable[float],
    usage_intensities: Sequence[float] = USAGE_INTENSITIES,
    draws: int = DRAWS,
) -> list[Champion]:
    """The champion at each floor and N, floor by floor; nothing for a floor that no model reaches."""
    ordered = list(models)
    rivals = _Field(draws, {model.key: _least(model, draws) for model in ordered})
    found = []
    for floor in floors:
        eligible = at_floor(ordered, floor)
        for n in usage_intensities if eligible else ():
            best = min(eligible, key=lambda model: model.energy_j(n))
            wins = rivals.wins(best, eligible, n)
            share = wins.pop(best.key, 0) / draws
            found.append(Champion(floor, n, best, share, len(wins)))
    return found


@dataclass(slots=True)
class _Field:
    """least_of: the least one-time and inference energy that any draw gives a model. drawn: the draws made so far."""

    draws: int
    least_of: dict[int, tuple[float, float]]
    drawn: dict[int, tuple[list[float], list[float]]] = field(default_factory=dict)

    def wins(self, best: Model, models: Sequence[Model], usage_intensity: float) -> dict[int, int]:
        """How many draws each model wins, without those that win none. Of equals the first wins, `best` first."""
        least, winner = self._energies_j(best, usage_intensity), [best.key] * self.draws
        greatest_j = max(least)
        able = [
            model for model in models if self._least_j(model, usage_intensity) <= greatest_j and model is not best
        ]
        for model in sorted(able, key=lambda model: model.energy_j(usage_intensity)):
            if self._least_j(model, usage_intensity) > greatest_j:
                continue
            for draw, energy_j in enumerate(self._energies_j(model, usage_intensity)):
                if energy_j < least[draw]:
                    least[draw], winner[draw] = energy_j, model.key
            greatest_j = max(least)
        return dict(Counter(winner))

    def _energies_j(self, model: Model, usage_intensity: float) -> list[float]:
        """E(N) of every draw."""
        if model.key not in self.drawn:
            self.drawn[model.key] = draw_model(model, self.draws)
        pairs = zip(*self.drawn[model.key], strict=True)
        return [one_time_j + usage_intensity * inference_j for one_time_j, inference_j in pairs]

    def _least_j(self, model: Model, usage_intensity: float) -> float:
        """E(N) below which no draw of the model lies."""
        one_time_j, inference_j = self.least_of[model.key]
        return one_time_j + usage_intensity * inference_j


def _least(model: Model, draws: int) -> tuple[float, float]:
    """Joules below which no draw of the model lies: one-time energy and inference energy at the lowest level."""
    lowest = levels(draws)[0]
    return (
        model.one_time_j * math.exp(spread(model.one_time_j, model.one_time_u95_j) * lowest),
        model.inference_j * math.exp(spread(model.inference_j, model.inference_u95_j) * lowest),
    )
