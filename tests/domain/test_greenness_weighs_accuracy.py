"""Greenness is quality^τ / E: near enough to the exact power, monotonic, and the order that brute force finds."""

import math
import random
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from leaderboard.domain.greenness import accuracy_factor, greenness, percent_of_best
from leaderboard.domain.ranking import Candidate, break_even, champions, energy_per_correct_j, rank

WEIGHTS = [0, 0.5, 1, 5, 20]
weights = st.sampled_from([*WEIGHTS, 0.1, 19.9, 99.9, 100]) | st.floats(0, 100)


@given(st.floats(1e-300, 1.0), weights)
@example(0.8123, 19.9)
@example(1 - 2**-53, 100 - 2**-46)
@example(5e-324, 0.1)
@example(1e-300, 2**-60)
def test_the_factor_is_the_power_within_one_part_in_1e13(quality, accuracy_weight):
    exact = math.pow(quality, accuracy_weight)
    assume(exact > 1e-290)  # below, doubles have fewer digits
    assert accuracy_factor(quality, accuracy_weight) == pytest.approx(exact, rel=1e-13, abs=0)


@given(st.floats(0, 1), st.integers(0, 100))
def test_whole_weights_are_products(quality, weight):
    exact = Fraction(quality) ** weight
    assume(exact > 1e-290)
    assert abs(Fraction(accuracy_factor(quality, weight)) - exact) <= exact / 10**13


def test_weight_0_leaves_the_energy_and_weight_1_gives_energy_per_correct():
    assert accuracy_factor(None, 0) == accuracy_factor(0.0, 0) == accuracy_factor(0.3, 0) == 1.0
    assert accuracy_factor(0.3, 1) == 0.3
    assert accuracy_factor(0.25, 0.5) == 0.5
    assert accuracy_factor(0.25, 2.5) == 1 / 32


@pytest.mark.parametrize("quality", [None, 0.0, -0.5])
@pytest.mark.parametrize("weight", [5e-324, 1e-9, 1, 100])
def test_there_is_no_factor_without_a_positive_quality(quality, weight):
    assert accuracy_factor(quality, weight) == 0.0
    assert greenness(1.0, quality, weight) is None


def test_greenness_is_per_joule_of_the_whole_life():
    assert greenness(4.0, 0.5, 1) == 0.125
    assert greenness(4.0, None, 0) == 0.25
    assert greenness(0.0, 0.5, 1) is None
    assert greenness(1e10, 0.001, 100) is None
    assert greenness(1.0, 0.0001, 100) is None
    assert greenness(5e-324, 1.0, 1) is None
    with pytest.raises(ValueError, match="accuracy_weight is 101, but must be a number from 0 to 100"):
        greenness(1.0, 1.0, 101)


def test_the_greenest_has_100_per_cent():
    assert percent_of_best(3.0, 3.0) == percent_of_best(0.0, 0.0) == 100
    assert percent_of_best(4.0, 1.0) == 25
    assert percent_of_best(4.0, 0.0) == 0


def random_group(chance: random.Random) -> list[Candidate]:
    def joules() -> float:
        return chance.choice([0.0, 1.0, 250.0, 10 ** chance.uniform(-6, 12)])

    def quality() -> float | None:
        return chance.choice([None, 0.0, 0.75, round(chance.random(), 3), chance.random()])

    keys = range(chance.randrange(1, 30))
    return [Candidate(key, joules(), joules(), joules(), 0.0, 0.0, 0.0, quality(), True) for key in keys]


def exact_scaled_j(candidate: Candidate, n: float, k: float, weight: float) -> float:
    """By itself, with math.pow; infinite without a value."""
    energy_j = candidate.shared_energy_j / k + candidate.own_energy_j + n * candidate.inference_energy_j
    if weight == 0:
        return energy_j
    power = math.pow(candidate.quality, weight) if candidate.quality else 0.0
    return energy_j / power if power > 0 else math.inf


@pytest.mark.parametrize("weight", WEIGHTS)
def test_ranks_and_champions_are_those_of_brute_force(weight):
    chance = random.Random(weight)
    for _ in range(200):
        group, n, k = random_group(chance), 10 ** chance.uniform(0, 10), chance.choice([1, 7])
        scaled_j = {c.key: exact_scaled_j(c, n, k, weight) for c in group}
        places = rank(group, n, k, order_by="greenness", accuracy_weight=weight)
        ranked = [scaled_j[place.key] for place in places if place.rank]
        assert len(ranked) == sum(value < math.inf for value in scaled_j.values())
        assert all(a <= b * (1 + 1e-12) for a, b in pairwise(ranked))
        assert all(scaled_j[place.key] == math.inf for place in places if not place.rank)

        envelope = champions(group, k, accuracy_weight=weight)
        assert bool(envelope) == bool(ranked)
        for winner in envelope:
            if winner.from_usage_intensity <= n < (winner.to_usage_intensity or math.inf):
                assert scaled_j[winner.key] <= min(scaled_j.values()) * (1 + 1e-12)


@given(st.floats(1e-3, 1.0), st.floats(1e-3, 1e6), weights)
def test_champions_change_where_two_are_equally_green(quality, per_image_j, weight):
    a = Candidate("a", 0.0, 100.0, 10.0, 0.0, 0.0, 0.0, 1.0, True)
    b = replace(a, key="b", own_energy_j=1000.0, inference_energy_j=per_image_j, quality=quality)
    n = break_even(a, b, accuracy_weight=weight)
    assert break_even(b, a, accuracy_weight=weight) == n
    envelope = champions([a, b], accuracy_weight=weight)
    if n is None:
        assert len(envelope) == 1
        return
    assert [winner.from_usage_intensity for winner in envelope] == [0, n]
    assert exact_scaled_j(a, n, 1, weight) == pytest.approx(exact_scaled_j(b, n, 1, weight), rel=1e-9)


def test_weight_1_orders_as_energy_per_correct_prediction_does():
    chance = random.Random(13)
    for _ in range(100):
        group = random_group(chance)
        energies = [energy_per_correct_j(p.energy_j, 1e6, group[p.key].quality) for p in rank(group, 1e6)]
        expected = sorted(energy for energy in energies if energy is not None)
        places = rank(group, 1e6, order_by="greenness")
        assert places == rank(group, 1e6, order_by="energy_per_correct", accuracy_weight=5)
        got = [energy_per_correct_j(p.energy_j, 1e6, group[p.key].quality) for p in places if p.rank]
        assert got == pytest.approx(expected, rel=1e-14)
