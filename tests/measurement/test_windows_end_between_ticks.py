"""The value of a counter when a window ended between two of its ticks, also if the process was not scheduled."""

from __future__ import annotations

import pytest

from measurement.meters.accumulators import Rhythm, Tick
from measurement.meters.ticks import level_at_end

RHYTHM = Rhythm(0.1, 0.002)
POLL_S = 0.001


def tick(time_s, energy_j, half_width_s=POLL_S):
    return Tick(time_s, half_width_s, energy_j)


def steady(power_w, until_s):
    """Ticks every tenth of a second from 0 on."""
    return [tick(0.1 * at, 0.1 * at * power_w) for at in range(round(10 * until_s) + 1)]


def ended(before, after, ended_s, **options):
    options = {"opened_s": 0.0, "read_s": ended_s + 0.002, "sensed_w": [200.0] * 10} | options
    return level_at_end(before, after, ended_s=ended_s, rhythm=RHYTHM, **options)


# The window's power is 200 W. From its end at 2.03 s on the card draws 60 W.
AFTER = [tick(2.1, 406 + 4.2), tick(2.2, 406 + 10.2), tick(2.3, 406 + 16.2)]


def test_the_tail_is_taken_off():
    level = ended(steady(200, 2), AFTER[:2], 2.03)
    assert level.energy_j == pytest.approx(406, abs=1.96 * level.standard_j)
    assert level.standard_j < 2


def test_a_tick_that_went_by_unseen_costs_certainty_and_not_a_tenth_of_a_second_of_joules():
    late = [tick(2.2, AFTER[1].energy_j, 0.05), AFTER[2]]
    level = ended(steady(200, 2), late, 2.03)
    assert level.energy_j == pytest.approx(406, abs=8)
    assert level.energy_j == pytest.approx(406, abs=1.96 * level.standard_j)


def test_a_tick_between_the_end_and_its_reading_is_not_inside():
    # Ended at 2.098 s, read at 2.101 s: the reading shows the tick of 2.1 s.
    before = [*steady(200, 2), tick(2.1, 419.6 + 0.12)]
    after = [tick(2.2, 419.6 + 6.12), tick(2.3, 419.6 + 12.12)]
    level = ended(before, after, 2.098, read_s=2.101)
    assert level.energy_j == pytest.approx(419.6, abs=1.96 * level.standard_j)
    assert level.standard_j < 2


def test_power_that_moved_inside_the_window_makes_the_end_less_certain():
    certain = ended(steady(200, 2), AFTER[:2], 2.03)
    moved = ended(steady(200, 2), AFTER[:2], 2.03, sensed_w=[100.0, 300.0] * 5)
    assert moved.standard_j > 2 * certain.standard_j
