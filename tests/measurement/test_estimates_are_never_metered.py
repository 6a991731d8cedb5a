"""No path leads from an estimate to a figure that is called metered: not by sum, not by scale, not by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from measurement.meters import EnergyMeter
from measurement.meters.base import provenance_of
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.record import COUNTED_SOURCES, Energy
from measurement.run.sampling import SampledPace, SamplingPlan, extrapolated
from measurement.vocabulary import Provenance, Scope, Source
from tests.measurement.instruments import Steady

TRUSTED = (Provenance.METERED, Provenance.EXTRAPOLATED)
counted = st.lists(st.sampled_from(sorted(COUNTED_SOURCES)), max_size=4)


@given(counted, counted)
def test_one_estimate_makes_a_sum_estimated(before, after):
    sources = (*before, Source.CPU_ESTIMATE, *after)
    assert provenance_of(sources) == Provenance.ESTIMATED
    for provenance in TRUSTED:
        with pytest.raises(ValidationError, match="not an estimate"):
            Energy(scope=Scope.SYSTEM, provenance=provenance, sources=sources, energy_j=1.0)


@pytest.mark.parametrize("provenance", TRUSTED)
def test_a_figure_without_a_source_is_not_metered(provenance):
    with pytest.raises(ValidationError, match="needs a counter"):
        Energy(scope=Scope.SYSTEM, provenance=provenance, energy_j=1.0)


@given(st.floats(0.1, 1e3))
def test_extrapolating_a_window_that_holds_an_estimate_leaves_it_estimated(seconds):
    clock = ManualClock()
    memory = Steady(clock, 5.0, "dram", "dram")
    memory.source = Source.CPU_ESTIMATE
    with (
        EnergyMeter([Steady(clock, 50.0), memory], options=MeterOptions(clock=clock, sampling=False)) as meter,
        meter.window("train") as window,
    ):
        pace = SampledPace(window, SamplingPlan(window_s=5 * seconds), clock.monotonic_s)
        for _ in pace.steps("training", 100):
            clock.sleep(seconds)
    system, accelerator = (
        extrapolated(window.measurement, pace.stages, scope, None) for scope in (Scope.SYSTEM, Scope.ACCELERATOR)
    )
    assert pace.left_out
    assert system.provenance == Provenance.ESTIMATED
    assert system.absolute_u95_j is None
    assert accelerator.provenance == Provenance.EXTRAPOLATED
    assert accelerator.energy_j == pytest.approx(100 * seconds * 50.0, rel=0.01)


def test_a_source_that_is_added_is_an_estimate_unless_stated_otherwise():
    assert {Source.NVML_COUNTER, Source.NVML_POWER, Source.RAPL, Source.REPLAY} == COUNTED_SOURCES
