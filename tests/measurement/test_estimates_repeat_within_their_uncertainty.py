"""A power model's joules drift with what else the machine does, so their ± is that of repeats which drift."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest

from measurement.accounting import drifting_repeat_uncertainty, repeat_uncertainty
from measurement.meters import EnergyMeter
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.vocabulary import Provenance, Scope, Source
from tests.measurement.instruments import Steady

BLOCK_S = [1.0, 1.1, 0.9, 1.05, 1.0]
"""Of five blocks of equal work."""


class Modelled(Steady):
    """Joules that a power model gives."""

    source = Source.CPU_ESTIMATE


def flicker(draw: random.Random, count: int) -> list[float]:
    """Joules around 1 with noise that is similar at every scale, as on a shared machine."""
    waves = [(2.0**octave, draw.uniform(0, math.tau), draw.gauss(0, 0.02)) for octave in range(1, 10)]
    return [
        1 + sum(high * math.sin(math.tau * block / length + phase) for length, phase, high in waves)
        for block in range(count)
    ]


@pytest.mark.parametrize("blocks", [5, 10, 50])
def test_two_runs_on_a_machine_that_drifts_differ_by_no_more_than_both_say(blocks):
    """One after the other; the s/√n of blocks that know nothing of each other would hold far fewer."""
    inside, inside_white, pairs = 0, 0, 0
    for seed in range(100):
        joules = flicker(random.Random(seed), 6 * blocks)
        windows = [joules[start : start + blocks] for start in range(0, len(joules), blocks)]
        for one, other in itertools.pairwise(windows):
            apart = abs(statistics.mean(one) - statistics.mean(other))
            pairs += 1
            inside += apart <= math.hypot(*(drifting_repeat_uncertainty(window).u95 for window in (one, other)))
            inside_white += apart <= math.hypot(*(repeat_uncertainty(window).u95 for window in (one, other)))
    assert inside / pairs >= 0.94
    assert inside_white / pairs <= 0.85


def measured(instrument):
    clock = ManualClock()
    with (
        EnergyMeter([instrument(clock, 50.0)], options=MeterOptions(clock=clock, sampling=False)) as meter,
        meter.window("inference") as window,
    ):
        for seconds in BLOCK_S:
            clock.sleep(seconds)
            window.mark_block(10)
    return window.measurement.energies[Scope.ACCELERATOR]


def test_an_estimate_has_the_interval_of_repeats_that_drift_and_a_counter_that_of_its_blocks():
    estimate, counted = measured(Modelled), measured(Steady)
    assert (estimate.provenance, counted.provenance) == (Provenance.ESTIMATED, Provenance.METERED)
    assert estimate.repeatability_u95_j / 50 == pytest.approx(5 * drifting_repeat_uncertainty(BLOCK_S).u95, rel=0.01)
    assert counted.repeatability_u95_j / 50 == pytest.approx(5 * repeat_uncertainty(BLOCK_S).u95, rel=0.01)
