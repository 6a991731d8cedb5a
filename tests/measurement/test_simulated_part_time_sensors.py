"""A counter that only repeats a sensor which looks 25 of each 100 ms knows so; one that counts all is not doubted."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from measurement.meters.discovery import discover
from measurement.meters.part_time import Sample, repeats_sensor
from tests.simulated.child import run
from tests.simulated.clock import VirtualClock
from tests.simulated.gpu import a100, h100, rtx_3090, v100
from tests.simulated.profiles import Profile
from tests.simulated.trials import Trial, trials

IDLE = Profile.constant(70.0)
KINDS = ("constant", "square", "bursts", "training")


def profile_of(kind, draw):
    if kind == "constant":
        return Profile.constant(draw.uniform(100, 400))
    if kind == "square":
        return Profile.square(90, 380, draw.uniform(0.3, 3), draw.uniform(0.3, 0.7), draw.random())
    return Profile.bursts(draw.randrange(10**6)) if kind == "bursts" else Profile.training(draw.randrange(10**6))


# In the child process


def windows(sees_sensor, count, folder):
    def card_of(seed):
        draw = random.Random(seed)
        profile, make = profile_of(KINDS[seed % 4], draw), draw.choice([a100, h100])
        gpu = make(profile) if seed // 4 % 2 else make(IDLE, work=profile, work_decay_s=0.05)
        return replace(gpu.realistic(seed), counter_sees_sensor=sees_sensor), draw.uniform(0.5, 5)

    return trials(card_of, range(count), Path(folder), warm_up=True)


def shares():
    return [discover(f"cuda:{ordinal}", VirtualClock.of_environment()).sensors[0].seen_share for ordinal in range(4)]


@pytest.fixture
def measured(tmp_path):
    def _measured(sees_sensor, count):
        return [Trial(**one) for one in run(windows, [h100(IDLE)], tmp_path, sees_sensor, count, str(tmp_path))]

    return _measured


def test_what_a_part_time_sensor_misses_is_in_the_interval(measured):
    found = measured(True, 120)
    assert sum(trial.is_covered for trial in found) >= 0.9 * len(found)
    errors = [abs(trial.relative_error) for trial in found]
    assert statistics.quantiles(errors, n=20)[-1] >= 0.05, "the card is not the one that this is about"


def test_a_counter_of_all_power_keeps_its_narrow_interval(measured):
    found = measured(False, 120)
    assert 0.93 <= sum(trial.is_covered for trial in found) / len(found) <= 0.99
    assert statistics.median(trial.repeatability_u95_j / trial.true_j for trial in found) <= 0.01


def test_the_cards_with_a_part_time_sensor_are_known_by_their_names(tmp_path):
    clock = VirtualClock(tmp_path / "clock", 1000.0)
    gpus = [make(IDLE) for make in (h100, a100, rtx_3090, v100)]
    assert run(shares, gpus, tmp_path, clock=clock, start_s=1000.0) == [0.25, 0.25, 1.0, 1.0]


# In the test's process


def looks(powers_w, gain_w):
    """Twenty readings a second; the sensor reports `powers_w` in turn, the counter ticks in step with it."""
    samples, energy_j = [], 0.0
    for update, power_w in enumerate(powers_w):
        energy_j += 0.1 * gain_w(update)
        samples += [Sample(0.1 * update + 0.05 * half, energy_j, power_w) for half in (0, 1)]
    return samples


def test_a_counter_that_adds_the_sensor_s_readings_repeats_it():
    draw = random.Random(1)
    powers_w = [draw.uniform(100, 400) for _ in range(40)]
    repeated = repeats_sensor(looks(powers_w, lambda update: powers_w[update - 1]), 0.1, 0.004)
    assert repeated.repeats
    mixed = repeats_sensor(looks(powers_w, lambda at: 0.3 * powers_w[at - 1] + 0.7 * powers_w[at]), 0.1, 0.004)
    assert mixed.repeats
    other = repeats_sensor(looks(powers_w, lambda update: draw.uniform(100, 400)), 0.1, 0.004)
    assert not other.repeats
    assert other.sees_more


def test_constant_power_gives_no_verdict():
    assert repeats_sensor(looks([200.0, 201.0] * 20, lambda update: 200.0), 0.1, 0.004, 0.5) is None
    assert repeats_sensor([], 0.1, 0.004) is None
