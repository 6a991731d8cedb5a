"""Which member of a space to try next. Plain functions of plain values; no torch.

`random` draws without repetition. `evolution` is aging evolution (E. Real et al., Regularized Evolution for Image
Classifier Architecture Search, https://arxiv.org/abs/1802.01548): a few of the latest candidates are drawn, and the
best of them has a child that differs in one value, so that the oldest die, however good they are. No member is tried
twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import prod
from random import Random
from typing import Any

Point = tuple[Any, ...]
"""One value of each axis."""

TRIES = 100
SWEEP = 10_000


class NothingLeft(Exception):
    """No member that is allowed and untried was found."""


@dataclass(frozen=True, slots=True)
class Evolution:
    """Of the latest `population` candidates, `tournament` are drawn, and the best of them has the next child."""

    population: int
    tournament: int


@dataclass(frozen=True, slots=True)
class Axes:
    """A space as the product of its axes; each holds its values once."""

    values: tuple[tuple[Any, ...], ...]

    @property
    def size(self) -> int:
        """Number of points."""
        return prod(len(axis) for axis in self.values)

    def point(self, number: int) -> Point:
        """Each point once for the numbers from 0 to `size` - 1."""
        chosen = []
        for axis in reversed(self.values):
            number, position = divmod(number, len(axis))
            chosen.append(axis[position])
        return tuple(reversed(chosen))

    def draw(self, chance: Random) -> Point:
        """Any point, all equally likely."""
        return self.point(chance.randrange(self.size))

    def neighbour(self, point: Point, chance: Random) -> Point:
        """A point that differs in one value; the point itself if there is no other."""
        choices = [number for number, axis in enumerate(self.values) if len(axis) > 1]
        if not choices:
            return point
        changed = chance.choice(choices)
        other = chance.choice([value for value in self.values[changed] if value != point[changed]])
        return (*point[:changed], other, *point[changed + 1 :])


def next_point(
    axes: Axes,
    tried: dict[Point, float],
    chance: Random,
    evolution: Evolution | None = None,
    is_allowed: Callable[[Point], bool] = lambda point: True,
) -> Point:
    """The point to try after those `tried`: points with their scores, in the order of trying.

    Drawn at random without `evolution`, and with it until there is a whole population. Raises NothingLeft.
    """
    for point in _proposals(axes, tried, chance, evolution):
        if point not in tried and is_allowed(point):
            return point
    raise NothingLeft


def _proposals(axes: Axes, tried: dict[Point, float], chance: Random, evolution: Evolution | None) -> Iterator[Point]:
    """Children of one parent if there is one, then random points, then all in turn: so the search ends in a small
    space too."""
    if evolution is not None and len(tried) >= evolution.population:
        latest = list(islice(reversed(tried), evolution.population))
        parent = max(chance.sample(latest, evolution.tournament), key=tried.__getitem__)
        yield from (axes.neighbour(parent, chance) for _ in range(TRIES))
    yield from (axes.draw(chance) for _ in range(TRIES))
    start = chance.randrange(axes.size)
    yield from (axes.point((start + step) % axes.size) for step in range(min(axes.size, SWEEP)))


def rounds(candidates: int, epochs: int, factor: int) -> list[tuple[int, int]]:
    """Successive halving's rounds: how many candidates are in each, and the epochs that each has had at its end.

    One in `factor` goes on to the next round, at the end of which it has had `factor` times the epochs, until it is
    the only one (K. Jamieson, A. Talwalkar, Non-stochastic Best Arm Identification, https://arxiv.org/abs/1502.07943).
    """
    found = [(candidates, epochs)]
    while candidates // factor > 1:
        candidates, epochs = candidates // factor, epochs * factor
        found.append((candidates, epochs))
    return found
