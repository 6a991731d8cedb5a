"""A window on a GPU whose loop waited for its input says so."""

from __future__ import annotations

import math

import pytest

from measurement.meters.replay import ManualClock
from measurement.vocabulary import Flag
from tests.measurement.instruments import Steady, cpu_meter, gpu_meter


def of_gpu(clock):
    return gpu_meter(clock, [Steady(clock, 300.0, "gpu0", "gpu")])


def measured(make, waits, *, pause_s=0.0):
    """A window of ten seconds whose loop waited so long for its batches."""
    clock = ManualClock()
    with make(clock) as meter, meter.window("train") as window:
        clock.sleep(10)
        for seconds in waits:
            window.waited(seconds)
        if pause_s:
            window.pause()
            clock.sleep(pause_s)
    return window.measurement


@pytest.mark.parametrize(
    ("make", "waits", "starved", "share"),
    [
        (of_gpu, [0.4, 0.7], True, 0.11),
        (of_gpu, [0.4, 0.5], False, 0.09),
        (of_gpu, [0.0], False, 0.0),
        (of_gpu, [8.0, 8.0], True, 1.0),
        (cpu_meter, [5.0], False, 0.5),
    ],
)
def test_waiting_for_more_than_a_tenth_of_a_gpus_time_is_flagged(make, waits, starved, share):
    found = measured(make, waits)
    assert (Flag.INPUT_STARVED in found.flags) == starved
    assert found.conditions["input_wait_share"] == pytest.approx(share, abs=1e-3)
    assert any("waited for its input" in note for note in found.notes) == starved


def test_pauses_are_no_time_in_which_input_was_used():
    assert Flag.INPUT_STARVED in measured(of_gpu, [1.5], pause_s=90.0).flags


def test_a_loop_that_does_not_tell_leaves_the_share_unknown():
    found = measured(of_gpu, [])
    assert "input_wait_share" not in found.conditions
    assert Flag.INPUT_STARVED not in found.flags


@pytest.mark.parametrize("seconds", [-0.1, math.nan, math.inf])
def test_a_wait_that_can_not_be_is_refused(seconds):
    with pytest.raises(ValueError, match="0 or more"):
        measured(of_gpu, [seconds])


def test_a_closed_window_hears_of_no_more_waits():
    clock = ManualClock()
    with of_gpu(clock) as meter, meter.window("train") as window:
        clock.sleep(1)
    with pytest.raises(RuntimeError, match="closed"):
        window.waited(1)
