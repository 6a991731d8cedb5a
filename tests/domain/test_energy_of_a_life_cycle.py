"""Phases add up, sharing divides search and pretrain alone, and missing is never zero."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.domain.energy import (
    ONE_TIME_PHASES,
    SHARED_PHASES,
    LifeCycle,
    PhaseEnergy,
    Provenance,
    weakest,
)

joules = st.floats(0, 1e15)
usage_intensities = st.floats(1e-3, 1e13)
sharings = st.integers(1, 10_000)


def phase_of(name: str) -> st.SearchStrategy[PhaseEnergy]:
    known = st.builds(
        PhaseEnergy,
        st.just(name),
        joules,
        st.none() | joules,
        st.sampled_from([p for p in Provenance if p != Provenance.MISSING]),
    )
    return known | st.just(PhaseEnergy(name, None, None, Provenance.MISSING))


life_cycles = st.builds(
    LifeCycle,
    st.sets(st.sampled_from(ONE_TIME_PHASES)).flatmap(
        lambda names: st.tuples(*(phase_of(name) for name in sorted(names)))
    ),
    phase_of("inference"),
)


def metered(phase: str, energy_j: float, u95_j: float | None = None) -> PhaseEnergy:
    return PhaseEnergy(phase, energy_j, u95_j, Provenance.METERED)


def missing(phase: str) -> PhaseEnergy:
    return PhaseEnergy(phase, None, None, Provenance.MISSING)


WORKED = LifeCycle(
    (metered("search", 1000.0, 30.0), metered("train", 300.0, 4.0), metered("finetune", 100.0, 0.0)),
    metered("inference", 0.5, 0.01),
)


def test_a_worked_example():
    assert WORKED.shared_energy_j == 1000
    assert WORKED.own_energy_j == 400
    assert WORKED.one_time_energy_j(shared_by=10) == 500
    assert WORKED.full_cycle_energy_j(1000, shared_by=10) == 1000
    # sqrt((30/10)² + 4² + (1000 · 0.01)²) = sqrt(9 + 16 + 100)
    assert WORKED.full_cycle_u95_j(1000, shared_by=10) == pytest.approx(math.sqrt(125))
    # The gain of 5 % is common to all terms, so it adds as it is: sqrt(125) + 0.05 · 1000.
    assert WORKED.absolute_u95_j(1000, 10, 0.05) == pytest.approx(math.sqrt(125) + 50)
    assert WORKED.provenance == Provenance.METERED
    assert not WORKED.is_lower_bound


def test_an_unknown_term_makes_the_uncertainty_unknown():
    life = LifeCycle((metered("train", 10.0), metered("compress", 5.0, 3.0)), metered("inference", 1.0, 0.5))
    assert (life.shared_u95_j, life.own_u95_j, life.inference_u95_j) == (0.0, None, 0.5)
    assert life.full_cycle_u95_j(10) is None
    assert life.absolute_u95_j(10, 1, 0.1) is None


def test_missing_is_a_lower_bound_and_not_zero():
    life = LifeCycle((metered("train", 10.0), missing("search")), metered("inference", 1.0))
    measured_zero = LifeCycle((metered("train", 10.0), metered("search", 0.0)), metered("inference", 1.0))
    assert life.full_cycle_energy_j(5) == measured_zero.full_cycle_energy_j(5) == 15
    assert life.is_lower_bound
    assert life.provenance == Provenance.MISSING
    assert not measured_zero.is_lower_bound
    assert LifeCycle((), missing("inference")).is_lower_bound


def test_metered_share_weighs_by_joules_of_the_whole_life():
    life = LifeCycle(
        (metered("search", 100.0), PhaseEnergy("train", 50.0, None, Provenance.REPORTED)),
        PhaseEnergy("inference", 1.0, None, Provenance.ESTIMATED),
    )
    assert life.metered_share(50) == pytest.approx(100 / 200)
    assert life.metered_share(50, shared_by=10) == pytest.approx(10 / 110)
    assert LifeCycle((), missing("inference")).metered_share(50) == 0.0


def test_weakest_follows_the_order_of_trust():
    assert weakest([Provenance.METERED, Provenance.REPORTED, Provenance.EXTRAPOLATED]) == Provenance.REPORTED
    assert weakest(Provenance) == Provenance.MISSING
    with pytest.raises(ValueError):  # noqa: PT011 - max's own words
        weakest([])


@pytest.mark.parametrize("energy_j", [-1.0, math.nan, math.inf, 1e31])
def test_impossible_joules_are_refused(energy_j):
    with pytest.raises(ValueError, match=r"train: energy_j is .* must be a number of joules from 0 to 1e30"):
        metered("train", energy_j)
    with pytest.raises(ValueError, match=r"repeatability_u95_j is .* must be a number of joules"):
        metered("train", 1.0, energy_j)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tune", 1.0, None, Provenance.METERED), "phase is 'tune', but must be one of search, pretrain"),
        (("train", None, None, Provenance.METERED), "a metered phase needs energy_j"),
        (("train", 1.0, None, Provenance.MISSING), "a missing phase has none"),
        (("train", None, 1.0, Provenance.MISSING), "a missing energy has no repeatability"),
    ],
)
def test_a_contradictory_phase_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        PhaseEnergy(*arguments)


def test_a_phase_done_twice_is_charged_twice():
    twice = LifeCycle((metered("finetune", 1.0), metered("finetune", 2.0)), metered("inference", 1.0))
    assert twice.one_time_energy_j() == 3.0


def test_a_phase_out_of_place_is_refused():
    with pytest.raises(ValueError, match="'evaluate' is not a one-time phase"):
        LifeCycle((metered("evaluate", 1.0),), metered("inference", 1.0))
    with pytest.raises(ValueError, match="must be 'inference'"):
        LifeCycle((), metered("train", 1.0))


@pytest.mark.parametrize("usage_intensity", [0.0, -1.0, math.nan, math.inf, 1e16])
def test_an_impossible_usage_intensity_is_refused(usage_intensity):
    for method in (WORKED.full_cycle_energy_j, WORKED.full_cycle_u95_j, WORKED.metered_share):
        with pytest.raises(ValueError, match=r"usage_intensity is .* a number above 0, at most 1e15"):
            method(usage_intensity)


@pytest.mark.parametrize("shared_by", [0, 0.5, -1, math.nan, math.inf])
def test_sharing_by_less_than_one_is_refused(shared_by):
    for method in (WORKED.full_cycle_energy_j, WORKED.full_cycle_u95_j, WORKED.metered_share):
        with pytest.raises(ValueError, match=r"shared_by is .* at least 1"):
            method(1.0, shared_by)


@pytest.mark.parametrize("gain", [-0.1, math.nan, math.inf])
def test_an_impossible_gain_is_refused(gain):
    with pytest.raises(ValueError, match="gain_u95_relative is"):
        WORKED.absolute_u95_j(1.0, 1, gain)


@given(life_cycles, usage_intensities, usage_intensities, sharings)
def test_energy_grows_with_use(life, n_a, n_b, k):
    low, high = sorted((n_a, n_b))
    assert life.full_cycle_energy_j(low, k) <= life.full_cycle_energy_j(high, k)


@given(life_cycles, usage_intensities, sharings)
def test_sharing_divides_shared_phases_alone(life, n, k):
    shared = math.fsum(p.energy_j or 0.0 for p in life.one_time if p.phase in SHARED_PHASES)
    saved = life.full_cycle_energy_j(n) - life.full_cycle_energy_j(n, k)
    total = life.full_cycle_energy_j(n)
    assert saved == pytest.approx(shared - shared / k, rel=1e-9, abs=1e-12 * total)


@given(life_cycles, usage_intensities, sharings)
def test_repeatability_combines_by_root_sum_of_squares(life, n, k):
    actual = life.full_cycle_u95_j(n, k)
    if any(p.repeatability_u95_j is None for p in life.parts):
        assert actual is None
        return
    weights = {"inference": n, **dict.fromkeys(SHARED_PHASES, 1 / k)}
    expected = math.hypot(*(p.repeatability_u95_j * weights.get(p.phase, 1.0) for p in life.parts))
    assert actual == pytest.approx(expected, rel=1e-9, abs=1e-150)


@given(life_cycles, usage_intensities, sharings, st.floats(0, 1))
def test_gain_adds_linearly(life, n, k, gain):
    without = life.full_cycle_u95_j(n, k)
    expected = None if without is None else without + gain * life.full_cycle_energy_j(n, k)
    assert life.absolute_u95_j(n, k, gain) == expected


@given(life_cycles, usage_intensities, sharings)
def test_anything_missing_makes_a_lower_bound(life, n, k):
    assert life.is_lower_bound == any(p.energy_j is None for p in life.parts)
    assert 0 <= life.metered_share(n, k) <= 1
