"""Champions are the lower envelope of F + N·e, and break-even points are where two lines meet."""

import math
import random
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import assume, example, given
from hypothesis import strategies as st

from leaderboard.domain.ranking import Candidate, break_even, champions

one_time_joules = st.integers(0, 9).map(float) | st.floats(0, 1e15)
image_joules = st.sampled_from([0.0, 1.0, 2.0]) | st.floats(1e-9, 1e6)
sharings = st.integers(1, 1000)
usage_intensities = st.floats(-3, 13).map(lambda exponent: 10.0**exponent)


def line(key: int, own_energy_j: float, inference_energy_j: float, shared_energy_j: float = 0.0) -> Candidate:
    return Candidate(key, shared_energy_j, own_energy_j, inference_energy_j, 0.0, 0.0, 0.0, None, True)


groups = st.lists(st.tuples(one_time_joules, image_joules, one_time_joules), min_size=1, max_size=15).map(
    lambda rows: [line(key, *row) for key, row in enumerate(rows)]
)


def one_time_j(c: Candidate, k: int) -> Fraction:
    # As the candidate's line stands in floating point; from there on the tests are exact.
    return Fraction(c.shared_energy_j / k + c.own_energy_j)


def energy_j(c: Candidate, n: float, k: int) -> Fraction:
    return one_time_j(c, k) + Fraction(n) * Fraction(c.inference_energy_j)


@given(groups, usage_intensities, sharings)
def test_the_champion_costs_least_at_any_intensity(group, n, k):
    [winner] = [
        champion
        for champion in champions(group, k)
        if champion.from_usage_intensity <= n
        and (champion.to_usage_intensity is None or n < champion.to_usage_intensity)
    ]
    [champion] = [c for c in group if c.key == winner.key]
    least_j = min(energy_j(c, n, k) for c in group)
    assert energy_j(champion, n, k) <= least_j * (1 + Fraction(1, 10**14))


@given(groups, sharings)
def test_intervals_adjoin_from_zero_to_without_end(group, k):
    envelope = champions(group, k)
    assert envelope[0].from_usage_intensity == 0
    assert envelope[-1].to_usage_intensity is None
    for before, after in pairwise(envelope):
        assert before.to_usage_intensity == after.from_usage_intensity
        assert before.from_usage_intensity < after.from_usage_intensity < math.inf
    assert len({champion.key for champion in envelope}) == len(envelope)


@given(groups, sharings)
def test_champions_change_at_their_break_even(group, k):
    by_key = {c.key: c for c in group}
    envelope = champions(group, k)
    for before, after in pairwise(envelope):
        assert break_even(by_key[before.key], by_key[after.key], k) == before.to_usage_intensity


@given(groups, sharings, st.data())
def test_a_dominated_candidate_changes_nothing(group, k, data):
    better = data.draw(st.sampled_from(group))
    worse = replace(
        better,
        key=len(group),
        own_energy_j=better.own_energy_j + data.draw(one_time_joules),
        inference_energy_j=better.inference_energy_j + data.draw(image_joules),
    )
    assert champions([*group, worse], k) == champions(group, k)


@given(groups, sharings, st.randoms(use_true_random=False))
def test_the_order_given_does_not_matter(group, k, rng):
    shuffled = list(group)
    rng.shuffle(shuffled)
    assert champions(shuffled, k) == champions(group, k)


@given(groups, st.data())
def test_a_lower_bound_is_no_champion(group, data):
    incomplete = data.draw(st.sampled_from(group))
    others = [c for c in group if c is not incomplete]
    assert champions([*others, replace(incomplete, complete=False)]) == champions(others)


@given(groups, st.floats(0, 1))
def test_the_quality_floor_filters_before_the_envelope(group, floor):
    rated = [replace(c, quality=None if c.key % 3 == 0 else c.key / len(group)) for c in group]
    eligible = [c for c in rated if c.quality is not None and c.quality >= floor]
    assert champions(rated, min_quality=floor) == champions(eligible)


@given(groups, st.integers(-20, 20))
def test_another_unit_of_energy_changes_no_champion(group, exponent):
    scale = 2.0**exponent
    scaled = [
        line(c.key, c.own_energy_j * scale, c.inference_energy_j * scale, c.shared_energy_j * scale)
        for c in group
        if not 0 < c.own_energy_j < 1e-100 and not 0 < c.shared_energy_j < 1e-100
    ]
    kept = [c for c in group if c.key in {s.key for s in scaled}]
    assert champions(scaled) == champions(kept)


line_pairs = st.tuples(*[st.tuples(one_time_joules, image_joules, one_time_joules)] * 2).map(
    lambda rows: (line(0, *rows[0]), line(1, *rows[1]))
)


@given(line_pairs, sharings)
@example((line(0, 1000.0, 1.0), line(1, 100.0, 10.0)), 1)
def test_break_even_is_symmetrical_and_energies_are_equal_there(pair, k):
    a, b = pair
    n = break_even(a, b, k)
    assert break_even(b, a, k) == n
    assume(n is not None)
    assert 0 < n < math.inf
    difference_j = abs(energy_j(a, n, k) - energy_j(b, n, k))
    assert difference_j <= energy_j(a, n, k) * Fraction(1, 10**14)


@given(line_pairs, sharings)
def test_no_break_even_means_that_one_is_never_dearer(pair, k):
    a, b = pair
    if break_even(a, b, k) is None:
        one_time = one_time_j(a, k) - one_time_j(b, k)
        per_image = Fraction(a.inference_energy_j) - Fraction(b.inference_energy_j)
        # Two lines may cross at an intensity too small for a floating-point number.
        assert one_time * per_image >= 0 or -one_time / per_image < Fraction(1, 10**300)


@given(line_pairs)
def test_a_lower_bound_has_no_break_even(pair):
    a, b = pair
    assert break_even(replace(a, complete=False), b) is None
    assert break_even(a, replace(b, complete=False)) is None


def test_huge_magnitudes_still_find_the_argmin():
    rng = random.Random(13)
    group = [line(key, 10 ** rng.uniform(-9, 15), 10 ** rng.uniform(-9, 3)) for key in range(2000)]
    envelope = champions(group)
    by_key = {c.key: c for c in group}
    assert len(envelope) > 5
    for n in (10 ** rng.uniform(-3, 13) for _ in range(50)):
        [winner] = [c for c in envelope if c.from_usage_intensity <= n < (c.to_usage_intensity or math.inf)]
        least_j = min(energy_j(c, n, 1) for c in group)
        assert energy_j(by_key[winner.key], n, 1) <= least_j * (1 + Fraction(1, 10**14))
