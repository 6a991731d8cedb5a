"""Which member of a space is tried next: all of them in the end, none twice, and the children of good ones first."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measurement.methods.search.strategies import Axes, Evolution, NothingLeft, Point, next_point, rounds


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 2**32), st.booleans())
def test_a_space_is_tried_to_its_last_member_and_none_twice(lengths: list[int], seed: int, evolves: bool) -> None:
    axes = Axes(tuple(tuple(range(length)) for length in lengths))
    evolution = Evolution(population=3, tournament=2) if evolves else None
    chance, tried = Random(seed), dict[Point, float]()
    for _ in range(axes.size):
        point = next_point(axes, tried, chance, evolution)
        assert point not in tried
        tried[point] = chance.random()
    with pytest.raises(NothingLeft):
        next_point(axes, tried, chance, evolution)


def test_evolution_climbs_where_chance_does_not() -> None:
    """Of 4,096 members one is best; the score is how many values are right."""
    axes = Axes((tuple(range(4)),) * 6)

    def best(seed: int, evolution: Evolution | None) -> float:
        chance, tried = Random(seed), dict[Point, float]()
        for _ in range(120):
            point = next_point(axes, tried, chance, evolution)
            tried[point] = float(point.count(3))
        return max(tried.values())

    by_evolution = [best(seed, Evolution(20, 5)) for seed in range(20)]
    by_chance = [best(seed, None) for seed in range(20)]
    assert sum(by_evolution) > sum(by_chance) + 10


@pytest.mark.parametrize(
    ("candidates", "factor", "expected"),
    [(8, 2, [(8, 3), (4, 6), (2, 12)]), (9, 3, [(9, 3), (3, 9)]), (3, 4, [(3, 3)]), (1, 2, [(1, 3)])],
)
def test_rounds_of_halving(candidates: int, factor: int, expected: list[tuple[int, int]]) -> None:
    assert rounds(candidates, 3, factor) == expected
