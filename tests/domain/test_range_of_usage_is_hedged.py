"""A choice for a range of N has the least worst-case regret, or the least mean regret, of all models."""

import math
import random
from fractions import Fraction
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.domain.greenness import accuracy_factor
from leaderboard.domain.ranking import Candidate, champions
from leaderboard.domain.usage_range import over_range

one_time_joules = st.integers(0, 9).map(float) | st.floats(1e-6, 1e15)
image_joules = st.sampled_from([0.0, 1.0, 2.0]) | st.floats(1e-9, 1e6)
qualities = st.sampled_from([None, 0.0, 0.9]) | st.floats(0.3, 1)
models = st.tuples(
    one_time_joules, image_joules, one_time_joules, qualities, st.sampled_from([True, True, True, False])
)
ranges = st.tuples(*[st.floats(0, 15).map(lambda exponent: 10.0**exponent)] * 2).map(sorted)
GAUSS = ((-math.sqrt(0.6), 5 / 9), (0.0, 8 / 9), (math.sqrt(0.6), 5 / 9))


def group_of(rows) -> list[Candidate]:
    return [
        Candidate(key, shared_j, own_j, image_j, None, None, None, quality, complete)
        for key, (own_j, image_j, shared_j, quality, complete) in enumerate(rows)
    ]


def lines_of(group, shared_by, weight) -> dict[int, tuple[Fraction, Fraction]]:
    """F and e of the complete ones, over quality^τ, as they stand in floating point; exact from there on."""
    found = {}
    for c in group:
        factor = accuracy_factor(c.quality, weight)
        if c.complete and factor > 0:
            one_time_j = (c.shared_energy_j / shared_by + c.own_energy_j) / factor
            found[c.key] = (Fraction(one_time_j), Fraction(c.inference_energy_j / factor))
    return found


def stops(lines, n_from: float, n_to: float) -> list[Fraction]:
    """The ends of the range, and every crossing of two lines in it."""
    found = {Fraction(n_from), Fraction(n_to)}
    for (f, e), (g, h) in combinations(lines.values(), 2):
        if e != h and n_from < (n := (f - g) / (h - e)) < n_to:
            found.add(n)
    return sorted(found)


def ratio(line, lines, n: Fraction) -> float:
    value, least = line[0] + n * line[1], min(f + n * e for f, e in lines.values())
    if least == 0:
        return 1.0 if value == 0 else math.inf
    return float(value / least)


def mean_ratio(line, lines, n_from: float, n_to: float) -> float:
    """The mean over log N by Gauss's rule, on pieces between the crossings that are short enough for it."""
    if n_from == n_to:
        return ratio(line, lines, Fraction(n_from))
    total = 0.0
    marks = [math.log(n) for n in stops(lines, n_from, n_to)]
    for start, end in pairwise(marks):
        parts = max(1, math.ceil((end - start) / 0.6))
        half = (end - start) / parts / 2
        for part in range(parts):
            middle = start + (2 * part + 1) * half
            at = [(Fraction(math.exp(middle + x * half)), weight) for x, weight in GAUSS]
            total += half * math.fsum(weight * ratio(line, lines, n) for n, weight in at)
    return total / (marks[-1] - marks[0])


@given(st.lists(models, min_size=1, max_size=5), ranges, st.sampled_from([1, 30]), st.sampled_from([0.0, 1.0, 2.5]))
def test_no_model_has_less_regret(rows, bounds, shared_by, weight):
    """The worst case looks at every crossing, and the mean at a numerical integral."""
    group, (n_from, n_to) = group_of(rows), bounds
    lines = lines_of(group, shared_by, weight)
    answer = over_range(group, n_from, n_to, shared_by, None, weight)
    if not lines:
        assert answer is None
        return
    at = stops(lines, n_from, n_to)
    worst = {key: max(ratio(line, lines, n) for n in at) for key, line in lines.items()}
    for choice in (answer.safest, answer.best_on_average):
        assert choice.worst_ratio == pytest.approx(worst[choice.key], rel=1e-12)
        assert ratio(lines[choice.key], lines, Fraction(choice.worst_at)) == pytest.approx(choice.worst_ratio)
        assert 1 <= choice.mean_ratio <= choice.worst_ratio * (1 + 1e-12)
    assert answer.safest.worst_ratio == pytest.approx(min(worst.values()), rel=1e-12)
    mean = {key: mean_ratio(line, lines, n_from, n_to) for key, line in lines.items()}
    assert answer.safest.mean_ratio == pytest.approx(mean[answer.safest.key], rel=1e-4)
    assert answer.best_on_average.mean_ratio == pytest.approx(min(mean.values()), rel=1e-4)


@given(st.lists(models, min_size=1, max_size=5), ranges, st.sampled_from([0.0, 1.0]))
def test_extra_joules_are_the_most_in_the_range(rows, bounds, weight):
    group, (n_from, n_to) = group_of(rows), bounds
    lines = lines_of(group, 1, weight)
    answer = over_range(group, n_from, n_to, accuracy_weight=weight)
    if answer is None:
        return
    f, e = lines[answer.safest.key]
    factor = accuracy_factor(group[answer.safest.key].quality, weight)
    extra = {
        n: float(f + n * e - min(g + n * h for g, h in lines.values())) * factor for n in stops(lines, n_from, n_to)
    }
    scale = float(f + Fraction(n_to) * e)
    assert answer.safest.extra_energy_j == pytest.approx(max(extra.values()), rel=1e-9, abs=1e-12 * scale)


@given(st.lists(models, min_size=1, max_size=12), ranges)
def test_winners_are_the_champions_of_the_range(rows, bounds):
    group, (n_from, n_to) = group_of(rows), bounds
    answer = over_range(group, n_from, n_to)
    if answer is None:
        assert champions(group) == []
        return
    inside = [
        champion
        for champion in champions(group)
        if champion.from_usage_intensity <= n_from < (champion.to_usage_intensity or math.inf)
        or n_from < champion.from_usage_intensity < n_to
    ]
    assert answer.winners == len(inside)
    if answer.winners == 1:
        assert answer.safest == answer.best_on_average
        assert answer.safest.worst_ratio == answer.safest.mean_ratio == 1
        assert answer.safest.extra_energy_j == 0


def test_a_compromise_that_is_best_nowhere_is_the_safest():
    """Between a model that is cheap to find and one that is cheap to use."""
    group = group_of([(10.0, 10.0, 0.0, 0.9, True), (1e6, 0.1, 0.0, 0.9, True), (5e5, 6.0, 0.0, 0.9, True)])
    answer = over_range(group, 1e4, 1e6)
    assert [champion.key for champion in champions(group)] == [0, 1]
    assert (answer.safest.key, answer.winners) == (2, 2)
    assert answer.safest.worst_ratio == pytest.approx(6.5e6 / 1.1e6)
    assert answer.safest.worst_at == answer.safest.extra_at == 1e6


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ((0.5, 10), "n_from is 0.5, but must be a number from 1 to 1e15"),
        ((1, 1e16), "n_to is 1e+16, but must be a number from 1 to 1e15"),
        ((math.nan, 10), "n_from is nan"),
        ((100, 10), "n_to is 10, but must be at least n_from, which is 100"),
    ],
)
def test_a_range_that_is_none_is_refused(bounds, message):
    with pytest.raises(ValueError, match="but must be") as caught:
        over_range([], *bounds)
    assert message in str(caught.value)


def test_huge_boards_and_magnitudes_give_a_choice():
    chance = random.Random(13)
    rows = [(10 ** chance.uniform(-3, 15), 10 ** chance.uniform(-9, 3), 0.0, 0.9, True) for _ in range(3000)]
    answer = over_range(group_of(rows), 1.0, 1e15)
    assert 1 < answer.best_on_average.mean_ratio <= answer.safest.mean_ratio
    assert answer.safest.worst_ratio <= answer.best_on_average.worst_ratio < math.inf
