"""What the meter does if an instrument is missing, fails, disagrees or saw too little."""

from __future__ import annotations

import pytest

from measurement.errors import MeterFailure
from measurement.meters import EnergyMeter
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.vocabulary import Flag, Provenance, Scope
from tests.measurement.instruments import Gauge, Steady, gpu_meter


def test_the_system_scope_is_missing_if_a_part_is_missing():
    clock = ManualClock()
    meter = EnergyMeter([Steady(clock, 100.0)], options=MeterOptions(device="cpu", clock=clock, sampling=False))
    with meter, meter.window("train") as window:
        clock.sleep(1)
        assert window.energy_j(Scope.SYSTEM) is None
    energies = window.measurement.energies
    assert energies[Scope.ACCELERATOR].provenance == Provenance.METERED
    assert (energies[Scope.SYSTEM].provenance, energies[Scope.SYSTEM].energy_j) == (Provenance.MISSING, None)


def test_a_gpu_without_a_meter_is_missing_and_not_its_cpu():
    clock = ManualClock()
    with gpu_meter(clock, []) as meter, meter.window("train") as window:
        clock.sleep(1)
    for scope in Scope:
        assert window.measurement.to_energy(scope).provenance == Provenance.MISSING


def test_a_lost_device_is_missing_with_its_reason_and_ends_a_run_that_requires_it():
    clock = ManualClock()
    gpu = Steady(clock, 200.0, "gpu0", "gpu")
    with gpu_meter(clock, [gpu]) as meter, meter.window("train") as window:
        clock.sleep(10)
        gpu.fails = True
    assert window.measurement.energies[Scope.ACCELERATOR].energy_j is None
    assert "device is lost" in window.measurement.notes[0]
    gpu.fails = False
    required = gpu_meter(clock, [gpu], require_metered=True)
    with required, pytest.raises(MeterFailure, match="device is lost"), required.window("train"):
        gpu.fails = True


def test_a_sensor_replaces_a_counter_that_fails():
    clock = ManualClock()
    gpu, sensor = Steady(clock, 200.0, "gpu0", "gpu"), Gauge(clock, 190.0, "gpu0", "gpu", 0.1)
    with gpu_meter(clock, [gpu], [sensor]) as meter, meter.window("train") as window:
        for _ in range(10):
            clock.sleep(1)
            meter.sample()
        gpu.fails = True
    assert window.measurement.energies[Scope.ACCELERATOR].energy_j == pytest.approx(1900)


@pytest.mark.parametrize(("power_w", "disagrees"), [(200.0, False), (205.0, False), (212.0, True), (180.0, True)])
def test_counter_and_integrated_power_are_checked_against_each_other(power_w, disagrees):
    clock = ManualClock()
    gpu, sensor = Steady(clock, 200.0, "gpu0", "gpu", 0.1), Gauge(clock, power_w, "gpu0", "gpu", 0.1)
    with gpu_meter(clock, [gpu], [sensor]) as meter, meter.window("train") as window:
        for _ in range(60):
            clock.sleep(1)
            meter.sample()
    measured = window.measurement
    assert (Flag.COUNTER_DISAGREES in measured.flags) == disagrees
    assert measured.components["gpu0"].energy_j == pytest.approx(12_000, rel=1e-2)
    assert measured.components["gpu0"].cross_check_j == pytest.approx(measured.duration_s * power_w)


@pytest.mark.parametrize(("seconds", "short"), [(0.05, True), (0.5, True), (2.0, False)])
def test_a_window_of_a_few_ticks_is_flagged(seconds, short):
    clock = ManualClock()
    with gpu_meter(clock, [Steady(clock, 200.0, "gpu0", "gpu", 0.1)]) as meter, meter.window("train") as window:
        clock.sleep(seconds)
    assert (Flag.WINDOW_TOO_SHORT in window.measurement.flags) == short


def test_power_held_over_too_long_a_gap_is_no_figure():
    clock = ManualClock()
    with gpu_meter(clock, [], [Gauge(clock, 200.0, "gpu0", "gpu", 0.1)]) as meter, meter.window("train") as window:
        clock.sleep(60)
    assert window.measurement.energies[Scope.ACCELERATOR].energy_j is None
    assert "no reading of the power for 60 s" in window.measurement.notes[0]
