"""Kendall's τ-b agrees with counting every pair, ties included."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.domain.findings import Model, agreements
from leaderboard.domain.rank_correlation import kendall_tau_b

# Few different values, so that ties are common.
PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=40)


def sign(value: float) -> int:
    return (value > 0) - (value < 0)


def counted_tau_b(xs, ys):
    concordance = untied_x = untied_y = 0
    for (x, y), (other_x, other_y) in combinations(list(zip(xs, ys, strict=True)), 2):
        concordance += sign(x - other_x) * sign(y - other_y)
        untied_x += x != other_x
        untied_y += y != other_y
    return concordance / math.sqrt(untied_x * untied_y) if untied_x and untied_y else None


@given(PAIRS)
def test_every_pair_counted(pairs):
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    assert kendall_tau_b(xs, ys) == pytest.approx(counted_tau_b(xs, ys), abs=1e-12)


@given(st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=50, unique=True))
def test_the_same_and_the_reverse_order(values):
    assert kendall_tau_b(values, values) == pytest.approx(1)
    assert kendall_tau_b(values, [-value for value in values]) == pytest.approx(-1)


def test_known_value():
    # Of 21 pairs four are discordant: 2 and 1, 4 and 3, 7 and 5, 7 and 6.
    assert kendall_tau_b([1, 2, 3, 4, 5, 6, 7], [2, 1, 4, 3, 7, 5, 6]) == pytest.approx((17 - 4) / 21)


def test_nothing_to_order():
    assert kendall_tau_b([], []) is None
    assert kendall_tau_b([1], [2]) is None
    assert kendall_tau_b([1, 1, 1], [1, 2, 3]) is None


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        kendall_tau_b([1, 2], [1])


def test_figures_are_compared_with_the_energy_at_each_usage():
    # The cheaper to make, the dearer to run; MACs follow the energy per image, parameters the one-time energy.
    models = [
        Model(key, 0.9, one_time_j=10.0**key, inference_j=1.0 / key, parameters=100 * key, macs=1000 // key)
        for key in range(1, 6)
    ]
    few, many = agreements(models, (1e-3, 1e12))
    assert (few.macs, few.parameters, few.inference_j) == (-1, 1, -1)
    assert (many.macs, many.parameters, many.inference_j) == (1, -1, 1)


def test_models_without_macs_are_left_out_of_the_order_by_macs():
    models = [Model(key, 0.9, key, key, parameters=key, macs=None if key == 3 else key) for key in (1, 2, 3)]
    models[2] = Model(3, 0.9, 0.0, 0.0, parameters=3, macs=None)
    (found,) = agreements(models, (1.0,))
    assert found.macs == 1
    assert found.parameters == pytest.approx(-1 / 3)
    assert agreements([models[2]], (1.0,))[0].macs is None
