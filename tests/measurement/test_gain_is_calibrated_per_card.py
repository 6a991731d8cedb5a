"""A card's gain error: ±5 % unless its own calibration, found by UUID, says otherwise; added linearly."""

from __future__ import annotations

import json
import math

import pytest

from measurement.errors import BadInput
from measurement.meters import EnergyMeter
from measurement.meters.calibration import gain_relative_u
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.vocabulary import Scope
from tests.measurement.instruments import Steady

DEFAULT = 0.05 / math.sqrt(3)


@pytest.fixture
def gains(tmp_path, monkeypatch):
    def _gains(content):
        path = tmp_path / "gains.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        monkeypatch.setenv("MEASUREMENT_GAINS", str(path))

    return _gains


def test_each_card_has_its_own_gain_and_the_rest_the_common_one(gains, monkeypatch):
    assert gain_relative_u("GPU-1") == pytest.approx(DEFAULT)
    gains({"GPU-1": 0.0196})
    assert gain_relative_u("GPU-1") == pytest.approx(0.01)
    assert gain_relative_u("GPU-2") == pytest.approx(DEFAULT)
    monkeypatch.setenv("MEASUREMENT_GAIN_U95", "0.0392")
    assert gain_relative_u("GPU-2") == pytest.approx(0.02)
    assert gain_relative_u("GPU-1") == pytest.approx(0.01)


@pytest.mark.parametrize("content", ["no JSON", "[1]", {"GPU-1": "much"}, {"GPU-1": -0.1}, {"GPU-1": 1.5}])
def test_a_calibration_that_is_none_is_refused(gains, content):
    gains(content)
    with pytest.raises(BadInput, match="MEASUREMENT_GAINS"):
        gain_relative_u("GPU-1")


def test_a_calibration_file_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("MEASUREMENT_GAINS", "/no/such/file.json")
    with pytest.raises(BadInput, match="can't be read"):
        gain_relative_u("GPU-1")


def test_the_gain_adds_linearly_to_repeatability_in_each_phase_and_in_their_sum(gains):
    gains({"GPU-1": 0.02})
    clock = ManualClock()
    counters = [Steady(clock, 200.0, "gpu0", "gpu")]
    energies = []
    with EnergyMeter(
        counters, options=MeterOptions(device="cuda:0", clock=clock, sampling=False, identities={"gpu0": "GPU-1"})
    ) as meter:
        for seconds in (10, 30):
            with meter.window("train") as window:
                clock.sleep(seconds)
                window.mark_block(images=100)
            energies.append(window.measurement.to_energy(Scope.ACCELERATOR))
    for energy in energies:
        assert energy.absolute_u95_j == pytest.approx(energy.repeatability_u95_j + 0.02 * energy.energy_j)
        assert energy.energy_per_image_absolute_u95_j == pytest.approx(energy.absolute_u95_j / 100)
    total_j = sum(energy.energy_j for energy in energies)
    gain_j = sum(energy.absolute_u95_j - energy.repeatability_u95_j for energy in energies)
    assert gain_j == pytest.approx(0.02 * total_j)
