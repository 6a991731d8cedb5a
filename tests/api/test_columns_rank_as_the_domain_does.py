"""Ranking a board's columns at once gives what the domain gives entry by entry, to the last digit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaderboard.domain import ranking, usage_range
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.greenness import greenness
from leaderboard.models import Board
from leaderboard.queries.columns import ENERGIES, STORED, UNCERTAINTIES, Columns
from leaderboard.queries.placing import Placing, place
from tests.domain.test_shared_vectors import VECTORS, candidates_of

COPIES = 40
FIGURES = (*ENERGIES, *UNCERTAINTIES, "quality", "complete", "device", "gain_u95")

# Few distinct values, so that ties and touching intervals are common.
coarse = st.integers(0, 6).map(float)
joules = coarse | st.floats(0, 1e15)
uncertainties = joules | st.none()
qualities = st.integers(0, 4).map(lambda quarter: quarter / 4) | st.floats(0, 1)
devices = st.sampled_from(["", "a", "b"])
gains = st.sampled_from([0.0, 0.05, 1.0])
figures = st.tuples(*[joules] * 3, *[uncertainties] * 3, qualities, st.booleans(), devices, gains)
groups = st.lists(figures, max_size=12)
options = st.fixed_dictionaries(
    {
        "usage_intensity": st.sampled_from([1.0, 1e6]) | st.floats(1e-3, 1e13),
        "shared_by": st.integers(1, 1000).map(float),
        "min_quality": st.none() | st.floats(0, 1),
        "include_incomplete": st.booleans(),
        "order_by": st.sampled_from(["energy", "greenness"]),
        "accuracy_weight": st.sampled_from([0, 0.5, 1, 5, 20, 100]) | st.floats(0, 100),
    }
)


def columns_of(candidates: list[ranking.Candidate]) -> Columns:
    """The columns that hold these candidates, given in any order."""
    ordered = sorted(candidates, key=lambda c: (-c.quality, c.key))
    arrays = {name: pa.array([_double(getattr(c, name)) for c in ordered]).cast(STORED[name][1]) for name in FIGURES}
    return Columns(Board(), arrays | {"id": pa.array([c.key for c in ordered], pa.int64())})


def _double(value: Any) -> Any:
    return float(value) if isinstance(value, int | float) else value


def check(candidates: list[ranking.Candidate], query: LeaderboardQuery) -> None:
    """Hold places, champions and choices for a range to the domain's."""
    asked = {name: getattr(query, name) for name in ("shared_by", "min_quality")}
    expected = ranking.rank(
        candidates,
        query.usage_intensity,
        include_incomplete=query.include_incomplete,
        order_by=query.order_by,  # type: ignore[arg-type]
        accuracy_weight=query.accuracy_weight,
        **asked,
    )
    placing = place(columns_of(candidates), query)
    assert placing.places(range(len(placing))) == expected
    assert placing.places(range(len(placing))[2:0:-1]) == expected[2:0:-1]
    assert [placing.line(int(place.key)) for place in expected] == list(range(len(expected)))
    assert placing.below_floor == len(candidates) - len(expected)
    assert placing.champions == ranking.champions(candidates, **asked, accuracy_weight=query.weight_in_order)
    for ends in ((1.0, 1e6), (min(query.usage_intensity + 1, 1e14), 1e15)):
        choices = usage_range.over_range(candidates, *ends, **asked, accuracy_weight=query.weight_in_order)
        assert placing.over_range(*ends) == choices
    check_greenness(placing, candidates, expected)


def check_greenness(placing: Placing, candidates: list[ranking.Candidate], expected: list[ranking.Ranked]) -> None:
    """Hold the greenness of each line, with the reader's weight whatever the order, to the domain's."""
    weight, quality = placing.query.accuracy_weight, {c.key: c.quality for c in candidates}
    per_joule = [greenness(place.energy_j, quality[place.key], weight) for place in expected]
    found = placing.greenness(range(len(placing)))
    assert [line[0] for line in found] == per_joule
    ranked = [percent for place, (_, percent) in zip(expected, found, strict=True) if place.rank]
    assert all(percent is None for place, (_, percent) in zip(expected, found, strict=True) if not place.rank)
    assert max((percent for percent in ranked if percent is not None), default=100) == 100
    if placing.query.order_by == "greenness":
        assert ranked == sorted(ranked, reverse=True)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(groups, st.sampled_from([1, COPIES]), options)
def test_any_board(group: list[tuple[Any, ...]], copies: int, given_options: dict[str, Any]) -> None:
    """Also a board of many lines, which are sorted another way: the group again and again, ever dearer."""
    drawn = [(shared_j, own_j + copy // 2, *rest) for copy in range(copies) for shared_j, own_j, *rest in group]
    check([ranking.Candidate(key, *figures) for key, figures in enumerate(drawn)], LeaderboardQuery(**given_options))


@pytest.mark.parametrize("kind", ["rank", "champions"])
def test_shared_vectors(kind: str) -> None:
    """Keys are numbered in the order that ties have. A stored entry has a quality, so for champions none is 0."""
    checked = 0
    for vector in VECTORS[kind]:
        asked = vector["options"]
        candidates = sorted(candidates_of(vector), key=lambda c: (isinstance(c.key, str), c.key))
        if kind == "champions":
            candidates = [replace(c, quality=c.quality or 0.0) for c in candidates]
            asked = {"order_by": "greenness", "accuracy_weight": 0.0} | asked
        elif any(c.quality is None for c in candidates):
            continue
        numbered = [replace(c, key=number) for number, c in enumerate(candidates)]
        check(numbered, LeaderboardQuery(**asked))
        checked += 1
    assert checked > len(VECTORS[kind]) // 2
