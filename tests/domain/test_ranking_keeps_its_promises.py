"""What must hold of every ranking, whatever the entries: order, intervals, ties, Pareto front, refusals."""

import itertools
import math
import re
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaderboard.domain.energy import LifeCycle, PhaseEnergy, Provenance
from leaderboard.domain.ranking import Candidate, energy_per_correct_j, rank

# Few distinct values, so that ties and touching intervals are common.
coarse = st.integers(0, 6).map(float)
joules = coarse | st.floats(0, 1e15)
uncertainties = joules | st.none()
qualities = st.none() | st.integers(0, 4).map(lambda quarter: quarter / 4) | st.floats(0, 1)
usage_intensities = st.sampled_from([1.0, 1e6]) | st.floats(1e-3, 1e13)
sharings = st.integers(1, 1000)
orderings = st.sampled_from(["energy", "greenness", "energy_per_correct"])
weights = st.sampled_from([0, 0.5, 1, 5, 20]) | st.floats(0, 100)


def candidates_keyed(keys: list[str | int]) -> st.SearchStrategy[list[Candidate]]:
    return st.tuples(
        *(
            st.builds(Candidate, st.just(key), *[joules] * 3, *[uncertainties] * 3, qualities, st.booleans())
            for key in keys
        )
    ).map(list)


groups = st.lists(st.integers(0, 99) | st.text("abc", max_size=3), unique=True, max_size=12).flatmap(candidates_keyed)


def candidate(key: str | int = "a", own_energy_j: float = 0.0, **changes) -> Candidate:
    return replace(Candidate(key, 0.0, own_energy_j, 0.0, 0.0, 0.0, 0.0, None, True), **changes)


options = st.fixed_dictionaries(
    {
        "shared_by": sharings,
        "min_quality": st.none() | st.floats(0, 1),
        "include_incomplete": st.booleans(),
        "order_by": orderings,
        "accuracy_weight": weights,
    }
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # whatever the machine does beside
@given(groups, usage_intensities, options)
def test_ranks_are_a_permutation_within_their_intervals(group, n, options):
    results = rank(group, n, **options)
    floor = options["min_quality"]
    eligible = [c for c in group if floor is None or (c.quality is not None and c.quality >= floor)]
    assert {r.key for r in results} == {c.key for c in eligible}
    ranked = [r for r in results if r.rank is not None]
    assert [r.rank for r in ranked] == list(range(1, len(ranked) + 1))
    assert results[: len(ranked)] == ranked
    for r in ranked:
        if r.u95_j is None:
            assert (r.rank_best, r.rank_worst) == (None, None)
        else:
            assert 1 <= r.rank_best <= r.rank <= r.rank_worst <= len(ranked)
    for r in results[len(ranked) :]:
        assert (r.rank, r.rank_best, r.rank_worst) == (None, None, None)


@given(groups, usage_intensities, sharings, st.booleans())
def test_ranking_ascends_in_energy_and_intervals_count_pairs(group, n, k, include):
    ranked = [r for r in rank(group, n, k, include_incomplete=include) if r.rank is not None]
    assert [r.energy_j for r in ranked] == sorted(r.energy_j for r in ranked)
    for r in ranked:
        if r.u95_j is None:
            continue
        low, high = r.energy_j - r.u95_j, r.energy_j + r.u95_j
        assert r.rank_best == 1 + sum(other.energy_j + (other.u95_j or 0.0) < low for other in ranked)
        assert r.rank_worst == sum(other.energy_j - (other.u95_j or 0.0) <= high for other in ranked)


@given(groups, usage_intensities, sharings)
def test_uncertainty_is_known_where_that_of_every_part_is(group, n, k):
    by_key = {c.key: c for c in group}
    for r in rank(group, n, k):
        c = by_key[r.key]
        assert (r.u95_j is None) == (None in (c.shared_u95_j, c.own_u95_j, c.inference_u95_j))


def test_no_rank_is_certain_where_the_uncertainty_is_unknown():
    near = [candidate("a", 1.0, own_u95_j=None), candidate("b", 1.0001, own_u95_j=None)]
    assert [(r.rank, r.rank_best, r.rank_worst, r.u95_j) for r in rank(near, 1)] == [
        (1, None, None, None),
        (2, None, None, None),
    ]


@given(groups, usage_intensities, sharings, orderings)
def test_pareto_is_what_no_complete_entry_beats(group, n, k, order_by):
    results = rank(group, n, k, order_by=order_by)
    by_key = {c.key: c for c in group}
    contenders = [
        (r.energy_j, -by_key[r.key].quality, r)
        for r in results
        if by_key[r.key].complete and by_key[r.key].quality is not None
    ]
    front = {
        r.key
        for energy_j, minus_quality, r in contenders
        if not any(
            other[:2] != (energy_j, minus_quality) and other[0] <= energy_j and other[1] <= minus_quality
            for other in contenders
        )
    }
    assert {r.key for r in results if r.pareto} == front


@given(groups, usage_intensities, sharings, orderings, st.randoms(use_true_random=False))
def test_the_order_given_does_not_matter(group, n, k, order_by, random):
    shuffled = list(group)
    random.shuffle(shuffled)
    assert rank(shuffled, n, k, order_by=order_by) == rank(group, n, k, order_by=order_by)


@given(groups, usage_intensities, sharings, orderings, st.integers(-20, 20))
def test_another_unit_of_energy_changes_no_rank(group, n, k, order_by, exponent):
    scale = 2.0**exponent  # a power of two, so that rounding stays the same
    fields = ("shared_energy_j", "own_energy_j", "inference_energy_j")
    fields += ("shared_u95_j", "own_u95_j", "inference_u95_j")
    # Squares of joules below 1e-150 leave the floating-point range, and with it the exactness.
    # So does the energy per correct prediction where hardly any is correct.
    group = [c for c in group if all(not v or v > 1e-100 for v in (c.quality, *(getattr(c, f) for f in fields)))]
    scaled = [replace(c, **{f: getattr(c, f) * scale for f in fields if getattr(c, f) is not None}) for c in group]
    before, after = (rank(g, n, k, order_by=order_by) for g in (group, scaled))
    places = [(r.key, r.rank, r.rank_best, r.rank_worst, r.pareto) for r in before]
    assert [(r.key, r.rank, r.rank_best, r.rank_worst, r.pareto) for r in after] == places


@given(groups, usage_intensities, sharings)
def test_lower_bounds_come_last_unless_asked_for(group, n, k):
    complete = {c.key: c.complete for c in group}
    assert all((r.rank is not None) == complete[r.key] for r in rank(group, n, k))
    assert all(r.rank is not None for r in rank(group, n, k, include_incomplete=True))
    assert not any(r.pareto and not complete[r.key] for r in rank(group, n, k, include_incomplete=True))


@given(groups, usage_intensities)
def test_more_sharing_never_costs_energy(group, n):
    alone = {r.key: r.energy_j for r in rank(group, n)}
    assert all(r.energy_j <= alone[r.key] for r in rank(group, n, shared_by=10))


def test_energy_agrees_with_the_life_cycle_it_came_from():
    life = LifeCycle(
        (
            PhaseEnergy("search", 90.0, 9.0, Provenance.REPORTED),
            PhaseEnergy("train", 10.0, 2.0, Provenance.METERED),
        ),
        PhaseEnergy("inference", 0.25, 0.01, Provenance.METERED),
    )
    [result] = rank([Candidate.of("m", life, 0.9)], 100, shared_by=3)
    assert result.energy_j == life.full_cycle_energy_j(100, 3) == 30 + 10 + 25
    assert result.u95_j == life.full_cycle_u95_j(100, 3)
    missing = replace(life, inference=PhaseEnergy("inference", None, None, Provenance.MISSING))
    [bound] = rank([Candidate.of("m", missing, 0.9)], 100, shared_by=3)
    assert (bound.rank, bound.energy_j, bound.u95_j) == (None, 40, None)


def test_energy_per_correct_has_no_value_without_quality():
    assert energy_per_correct_j(30.0, 10, 0.5) == 6
    assert energy_per_correct_j(30.0, 10, None) is None
    assert energy_per_correct_j(30.0, 10, 0.0) is None
    assert energy_per_correct_j(1e30, 1e-3, 5e-324) is None


@pytest.mark.parametrize("n", [0, -1, math.nan, math.inf, 1e300])
def test_an_impossible_usage_intensity_is_refused(n):
    with pytest.raises(
        ValueError, match=re.escape(f"usage_intensity is {n!r}, but must be a number above 0, at most 1e15")
    ):
        rank([], n)


@pytest.mark.parametrize("k", [0, 0.99, -1, math.nan, math.inf])
def test_impossible_sharing_is_refused(k):
    with pytest.raises(ValueError, match=f"shared_by is {k!r}, but must be a finite number, at least 1"):
        rank([], 1, k)


def test_an_impossible_floor_or_ordering_is_refused():
    with pytest.raises(ValueError, match="min_quality is nan"):
        rank([], 1, min_quality=math.nan)
    with pytest.raises(
        ValueError, match="order_by is 'flops', but must be one of energy, greenness, energy_per_correct"
    ):
        rank([], 1, order_by="flops")


@pytest.mark.parametrize("weight", [-1, 100.1, math.nan, math.inf])
@pytest.mark.parametrize("order_by", ["energy", "greenness"])
def test_an_impossible_accuracy_weight_is_refused(weight, order_by):
    with pytest.raises(ValueError, match=f"accuracy_weight is {weight!r}, but must be a number from 0 to 100"):
        rank([], 1, order_by=order_by, accuracy_weight=weight)


@pytest.mark.parametrize("joules_given", [-1.0, math.nan, math.inf, 1e31])
@pytest.mark.parametrize("field", ["shared_energy_j", "own_u95_j", "inference_energy_j"])
def test_a_candidate_with_impossible_joules_is_refused(field, joules_given):
    with pytest.raises(ValueError, match=f"{field} is .* joules from 0 to 1e30"):
        candidate(**{field: joules_given})


@pytest.mark.parametrize("quality", [math.nan, math.inf])
def test_a_candidate_with_impossible_quality_is_refused(quality):
    with pytest.raises(ValueError, match="quality is"):
        candidate(quality=quality)


def cpu_time_s(group):
    """Of ranking them, at best."""

    def once():
        started = time.process_time()
        rank(group, 1e6)
        return time.process_time() - started

    return min(once() for _ in range(3))


def test_ten_thousand_entries_rank_without_comparing_every_pair():
    # Every interval overlaps every other: the worst case for counting pairs, 10^8 of them.
    group = [candidate(i, float(i), own_u95_j=1e9, quality=(i % 101) / 100) for i in range(10_000)]
    # On any machine ten times as many take some 13 times as long, and would take 100 times if pairs were compared.
    assert cpu_time_s(group) < 40 * cpu_time_s(group[:1000])
    results = rank(group, 1e6)
    assert all((r.rank_best, r.rank_worst) == (1, 10_000) for r in itertools.islice(results, 0, None, 997))
