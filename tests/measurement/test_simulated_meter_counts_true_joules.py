"""The meter's joules against those that simulated cards truly drew: hundreds of windows in virtual time.

The cards have tick jitter, sensor noise and calls of 1 to 5 ms. Power follows the work, which a window brackets, in
one half of the trials, and takes its own course in the other.
"""

from __future__ import annotations

import random
import statistics
from pathlib import Path

import pytest

from tests.simulated.child import run
from tests.simulated.gpu import a100, h100, p100, v100
from tests.simulated.profiles import Profile
from tests.simulated.trials import Trial, trials

CARDS = {"h100": h100, "a100": a100, "v100": v100, "p100": p100}
KINDS = ("constant", "square", "bursts", "training")
IDLE = Profile.constant(70.0)


def profile_of(kind, random_, seed):
    if kind == "constant":
        return Profile.constant(random_.uniform(100, 400))
    if kind == "square":
        return Profile.square(90, 380, random_.uniform(0.3, 3), random_.uniform(0.3, 0.7), random_.random())
    return Profile.bursts(seed) if kind == "bursts" else Profile.training(seed)


# In the child process


def windows(card, kind, durations_s, count, folder):
    def card_of(seed):
        random_ = random.Random(seed)
        profile = profile_of(kind, random_, seed)
        if seed % 2:
            gpu = CARDS[card](profile)
        else:
            gpu = CARDS[card](IDLE, work=profile, work_decay_s=random_.choice([0.0, 0.05, 0.3]))
        gain = random_.uniform(-0.05, 0.05)
        return gpu.realistic(seed, gain_error=gain), random_.uniform(*durations_s)

    return trials(card_of, range(count), Path(folder))


@pytest.fixture
def measured(tmp_path):
    def _measured(card, kind, durations_s, count):
        trials = run(windows, [h100(IDLE)], tmp_path, card, kind, durations_s, count, str(tmp_path))
        return [Trial(**one) for one in trials]

    return _measured


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("card", ["h100", "v100"])
def test_windows_of_five_seconds_and_longer_are_within_two_per_cent(measured, card, kind):
    errors = [abs(trial.relative_error) for trial in measured(card, kind, (5, 30), 60)]
    assert statistics.median(errors) <= 0.005
    assert max(errors) <= 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_counter_the_integral_of_power_is_within_its_interval(measured, kind):
    found = measured("p100", kind, (5, 30), 40)
    assert sum(trial.is_covered for trial in found) >= 0.9 * len(found)
    assert max(abs(trial.relative_error) for trial in found) <= 0.06


def test_short_windows_know_how_uncertain_they_are(measured):
    found = measured("h100", "training", (0.5, 5), 200)
    assert sum(trial.is_covered for trial in found) >= 0.9 * len(found)


def test_a_window_too_short_for_the_counter_is_flagged(measured):
    for trial in measured("h100", "constant", (0.2, 0.6), 10):
        assert "window_too_short" in trial.flags


def test_errors_have_no_bias(measured):
    errors = [trial.relative_error for trial in measured("h100", "training", (2, 10), 200)]
    assert abs(statistics.mean(errors)) <= 0.003 + 2.6 * statistics.stdev(errors) / len(errors) ** 0.5
