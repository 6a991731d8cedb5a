"""How many honest audits are held, and which drifts are found, on simulated boards with a known spread."""

import math
from random import Random

import pytest

from leaderboard.domain.drift import HONEST, difference, drifted
from leaderboard.domain.repeats import NO_POOL, Pool, Repeats
from leaderboard.domain.students_t import student_t95, two_sided_p

FIGURES = 3
SPREAD = 0.015


def normal(random):
    return random.gauss(0, 1)


def heavy(random):
    """Student's t of 4 degrees of freedom, scaled to a deviation of 1: one run in 50 lies beyond 2.7 deviations."""
    return random.gauss(0, 1) / math.sqrt(random.gammavariate(2, 1) / 2) / math.sqrt(2)


def held(*, unlike, noise, drift=0.0, works=12, boards=120, seed=1):
    """The share of audits that are held. unlike: how far works differ in spread (deviation of its logarithm)."""
    random, audits, number = Random(seed), 0, 0
    for _ in range(boards):
        spreads = [SPREAD * math.exp(random.gauss(0, unlike)) for _ in range(works)]
        results = [random.choice([1, 2, 2, 3, 4, 6, 10]) for _ in range(works)]

        def quantity(spreads=spreads, results=results):
            runs = [[1 + s * noise(random) for _ in range(m)] for s, m in zip(spreads, results, strict=True)]
            return [Repeats.of(values, [None] * len(values)) for values in runs]

        quantities = [quantity() for _ in range(FIGURES)]
        for work, spread in enumerate(spreads):
            found = [difference(of[work], Pool.of(of), 1 + drift + spread * noise(random)) for of in quantities]
            audits += 1
            number += drifted([one for one in found if one is not None]) is not None
    return number / audits


@pytest.mark.parametrize(
    ("unlike", "noise", "most"),
    [(0.0, normal, 1 - HONEST), (0.5, normal, 1.5 * (1 - HONEST)), (0.5, heavy, 8 * (1 - HONEST))],
    ids=["as assumed", "works differ", "works differ and tails are heavy"],
)
def test_honest_audits_pass(unlike, noise, most):
    assert held(unlike=unlike, noise=noise) <= most


def test_a_drift_is_found():
    assert held(unlike=0.0, noise=normal, drift=0.2, boards=20) > 0.85
    assert held(unlike=0.0, noise=normal, drift=0.1, boards=20) > 0.3


def test_what_is_not_known_is_not_judged():
    one = Repeats.of([100.0], [1.0])
    assert difference(one, NO_POOL, 300.0) is None
    two_alike = Pool.of([Repeats.of([100.0, 101.0], [None] * 2)] * 2)
    assert difference(one, two_alike, 300.0) is None, "of two works no spread is known for a third"
    assert difference(Repeats.of([100.0, 100.0], [None] * 2), NO_POOL, 101.0) is None
    assert drifted([]) is None


def test_another_device_may_differ_by_both_gains():
    pool = Pool.of([Repeats.of([99.0, 100.0, 101.0], [None] * 3)] * 4)
    standing = Repeats.of([99.0, 100.0, 101.0], [None] * 3)
    same, other = (difference(standing, pool, 112.0, gains_u95=gains) for gains in ((), (0.0566, 0.0566)))
    assert same.u < 0.02
    assert other.u > 0.04
    assert drifted([same]) is same
    assert drifted([other]) is None
    assert other.degrees_of_freedom > same.degrees_of_freedom


def test_readings_that_scatter_more_than_runs_widen_it():
    pool = Pool.of([Repeats.of([99.0, 100.0, 101.0], [None] * 3)] * 4)
    quiet = difference(Repeats.of([99.0, 101.0], [1.0, 1.0]), pool, 115.0)
    noisy = difference(Repeats.of([99.0, 101.0], [20.0, 20.0]), pool, 115.0, new_within_u95_j=20.0)
    assert noisy.u > 3 * quiet.u


@pytest.mark.parametrize("degrees", [*range(1, 13), 50, 51, 400])
def test_probabilities_agree_with_the_table(degrees):
    assert two_sided_p(student_t95(degrees), degrees) == pytest.approx(0.05, rel=5e-3)
    assert two_sided_p(0.0, degrees) == pytest.approx(1.0)


def test_probabilities_are_known_far_out():
    assert two_sided_p(31.8205, 1) == pytest.approx(0.02, rel=1e-4)
    assert two_sided_p(5.9588, 6) == pytest.approx(0.001, rel=1e-3)
    assert two_sided_p(6.2118, 13) == pytest.approx(3.14e-5, rel=2e-2)
    assert two_sided_p(3.2905, 10**6) == pytest.approx(0.001, rel=1e-3)
    with pytest.raises(ValueError, match="at least 1"):
        two_sided_p(1.0, 0)
