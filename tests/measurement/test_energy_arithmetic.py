"""Counter steps, step integrals and uncertainties, as properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from measurement.accounting import (
    Uncertainty,
    combined,
    counter_step,
    drifting_repeat_uncertainty,
    rectangular,
    repeat_uncertainty,
    step_integral,
    student_t95,
    unaligned_edge_uncertainty,
)

powers = st.floats(0, 1000, allow_nan=False)
samples = st.lists(st.tuples(st.floats(0.001, 10), powers), min_size=1, max_size=30)


def trace(steps):
    times, now = [], 0.0
    for step, _ in steps:
        times.append(now)
        now += step
    return times, [power for _, power in steps]


@given(st.floats(0, 1e6), st.lists(st.floats(0, 9e5), max_size=50))
def test_a_wrapping_counter_adds_what_was_spent(start, spent):
    counter_range = 1e6
    reading, gained = start % counter_range, 0.0
    for energy in spent:
        after = (reading + energy) % counter_range
        gained += counter_step(reading, after, counter_range)
        reading = after
    assert gained == pytest.approx(sum(spent), abs=1e-6, rel=1e-9)


def test_a_step_back_without_a_range_is_unknown():
    assert counter_step(10.0, 5.0, None) is None
    assert counter_step(10.0, 5.0, 8.0) is None
    assert counter_step(5.0, 5.0, None) == 0.0


@given(samples, st.lists(st.floats(0, 50), min_size=3, max_size=3))
def test_an_integral_is_additive_over_time(steps, edges):
    start, middle, end = sorted(edges)
    times, values = trace(steps)
    whole = step_integral(times, values, start, end)
    halves = step_integral(times, values, start, middle) + step_integral(times, values, middle, end)
    assert whole == pytest.approx(halves, rel=1e-9, abs=1e-9)


@given(samples, st.floats(-20, 50), st.floats(0, 50), st.floats(0, 10))
def test_an_integral_lies_between_least_and_greatest_power_and_grows_with_power(steps, start, length, factor):
    times, values = trace(steps)
    energy = step_integral(times, values, start, start + length)
    seconds = start + length - start
    assert min(values) * seconds * (1 - 1e-9) - 1e-9 <= energy <= max(values) * seconds * (1 + 1e-9) + 1e-9
    scaled = step_integral(times, [factor * value for value in values], start, start + length)
    assert scaled == pytest.approx(factor * energy, rel=1e-9, abs=1e-9)


def test_a_sample_holds_until_the_next_and_out_to_the_edges():
    times, values = [1.0, 2.0, 4.0], [10.0, 20.0, 30.0]
    assert step_integral(times, values, 0.0, 1.0) == 10.0
    assert step_integral(times, values, 1.0, 4.0) == 50.0
    assert step_integral(times, values, 3.5, 5.0) == 40.0
    assert step_integral(times, values, 9.0, 10.0) == 30.0


def test_an_integral_needs_samples_and_a_window_that_runs_forward():
    with pytest.raises(ValueError, match="at least one sample"):
        step_integral([], [], 0, 1)
    with pytest.raises(ValueError, match="before it starts"):
        step_integral([0.0], [1.0], 1, 0)


# GUM Table G.2, and values between its rows (from tables of Student's distribution).
@pytest.mark.parametrize(
    ("degrees", "t"),
    [(1, 12.706), (4, 2.776), (9.9, 2.262), (22, 2.074), (35, 2.030), (50, 2.009), (100, 1.984), (1e9, 1.960)],
)
def test_student_t_matches_the_published_table(degrees, t):
    assert student_t95(degrees) == pytest.approx(t, abs=0.0015, rel=3e-4)


@given(st.floats(1, 1e6), st.floats(1, 1e6))
def test_more_degrees_of_freedom_never_widen_the_interval(one, other):
    fewer, more = sorted((one, other))
    assert student_t95(fewer) >= student_t95(more) >= 1.96


def test_no_degrees_of_freedom_have_no_t():
    with pytest.raises(ValueError, match="at least 1"):
        student_t95(0)


def test_terms_follow_the_formulas_of_the_methodology():
    # Two unaligned edges together misplace P̄·τ/√6.
    assert unaligned_edge_uncertainty(100, 0.1).standard * math.sqrt(2) == pytest.approx(100 * 0.1 / math.sqrt(6))
    assert rectangular(0.05).standard == pytest.approx(0.0289, abs=1e-4)
    repeats = repeat_uncertainty([1.0, 2.0, 3.0, 4.0, 5.0])
    assert repeats.standard == pytest.approx(math.sqrt(2.5) / math.sqrt(5))
    assert repeats.u95 == pytest.approx(2.776 * repeats.standard)
    assert repeat_uncertainty([1.0]) is None
    drifting = drifting_repeat_uncertainty([1.0, 2.0, 3.0, 4.0, 5.0])
    assert drifting.standard == pytest.approx(math.sqrt(2.5) * math.sqrt((1 / 5 + math.log(10) / math.log(5)) / 2))
    assert drifting.u95 == pytest.approx(2.776 * drifting.standard)
    assert drifting_repeat_uncertainty([1.0]) is None


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=6))
def test_combined_terms_add_in_quadrature(standards):
    assume(max(standards) > 1e-6)
    total = combined(Uncertainty(standard) for standard in standards)
    assert total.standard == pytest.approx(math.sqrt(sum(standard**2 for standard in standards)))
    assert total.u95 == pytest.approx(1.96 * total.standard)


def test_effective_degrees_of_freedom_follow_welch_satterthwaite():
    total = combined([Uncertainty(3.0, 4), Uncertainty(4.0, 9)])
    assert total.standard == pytest.approx(5.0)
    assert total.degrees_of_freedom == pytest.approx(5**4 / (3**4 / 4 + 4**4 / 9))
    assert combined([]).u95 == 0.0
