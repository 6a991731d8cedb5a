"""What a window of the meter counts: edges, pauses, blocks, several components, and nothing it can't know."""

from __future__ import annotations

import math
import subprocess
import sys
import threading

import pytest

from measurement.meters import EnergyMeter
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock, Recording, ReplayCounter, ReplaySensor
from measurement.vocabulary import Flag, Scope
from tests.measurement.instruments import Steady, cpu_meter, gpu_meter
from tests.waiting import wait_until


def test_a_window_counts_its_own_time_only():
    clock = ManualClock()
    with cpu_meter(clock) as meter:
        clock.sleep(5)
        with meter.window("train") as window:
            clock.sleep(10)
        clock.sleep(5)
    measured = window.measurement
    assert measured.duration_s == pytest.approx(10)
    assert (measured.started_s, measured.ended_s) == (5, 15)
    assert measured.energies[Scope.ACCELERATOR].energy_j == pytest.approx(1000, rel=1e-3)
    assert measured.energies[Scope.SYSTEM].energy_j == pytest.approx(1100, rel=1e-3)


def test_pauses_are_left_out_and_blocks_count_between_them():
    clock = ManualClock()
    with cpu_meter(clock) as meter, meter.window("inference") as window:
        for block in range(5):
            if block:
                clock.sleep(3)
                window.resume()
            clock.sleep(2)
            window.pause()
            window.mark_block(images=50)
        assert window.elapsed_s() == pytest.approx(10)
    measured = window.measurement
    assert measured.duration_s == pytest.approx(10)
    assert measured.energies[Scope.ACCELERATOR].energy_j == pytest.approx(1000, rel=1e-3)
    assert [block.duration_s for block in measured.blocks] == pytest.approx([2] * 5)
    assert [block.energies_j[Scope.SYSTEM] for block in measured.blocks] == pytest.approx([220] * 5, rel=1e-3)
    assert len(measured.pauses) == 4
    assert Flag.NO_REPEATS not in measured.flags
    energy = measured.to_energy(Scope.SYSTEM)
    assert energy.energy_per_image_j == pytest.approx(1100 / 250, rel=1e-3)


def test_blocks_without_pauses_share_their_edges():
    clock = ManualClock()
    with cpu_meter(clock) as meter, meter.window("inference") as window:
        for _ in range(3):
            clock.sleep(2)
            window.mark_block()
    blocks = window.measurement.blocks
    assert [(block.started_s, block.ended_s) for block in blocks] == [(0, 2), (2, 4), (4, 6)]


def test_the_spread_of_blocks_becomes_the_type_a_term_per_image():
    clock = ManualClock()
    counter = Steady(clock, 0.0)
    spent = iter([10.0, 11.0, 12.0, 13.0, 14.0])
    total = 0.0
    counter.read_mj = lambda: total * 1000
    with (
        EnergyMeter([counter], options=MeterOptions(device="cpu", clock=clock, sampling=False)) as meter,
        meter.window("i") as window,
    ):
        for energy in spent:
            clock.sleep(5)
            total += energy
            window.mark_block(images=10)
    energy = window.measurement.to_energy(Scope.ACCELERATOR)
    type_a = 2.776 * math.sqrt(2.5 / 5) / 10
    assert energy.energy_per_image_j == pytest.approx(1.2)
    assert energy.energy_per_image_u95_j == pytest.approx(type_a, rel=1e-3)
    assert energy.absolute_u95_j > energy.repeatability_u95_j


def test_blocks_of_unequal_work_are_compared_per_image():
    clock = ManualClock()
    with cpu_meter(clock) as meter, meter.window("inference") as window:
        for seconds in (2, 4, 8):
            clock.sleep(seconds)
            window.mark_block(images=10 * seconds)
    energy = window.measurement.energies[Scope.ACCELERATOR]
    assert energy.repeatability_u95_j == pytest.approx(1.96 * 100 * 0.001 / math.sqrt(6), rel=0.05)


def test_a_single_training_has_no_repeats_and_says_so():
    clock = ManualClock()
    with cpu_meter(clock) as meter, meter.window("train") as window:
        clock.sleep(10)
    measured = window.measurement
    assert Flag.NO_REPEATS in measured.flags
    edges = 1.96 * 100 * 0.001 / math.sqrt(6)
    assert measured.energies[Scope.ACCELERATOR].repeatability_u95_j == pytest.approx(edges, rel=1e-3)
    gain = 1.96 * 1000 * 0.05 / math.sqrt(3)
    assert measured.energies[Scope.ACCELERATOR].absolute_u95_j == pytest.approx(edges + gain, rel=1e-3)


def test_a_calibrated_gain_replaces_the_default(monkeypatch):
    monkeypatch.setenv("MEASUREMENT_GAIN_U95", "0.01")
    clock = ManualClock()
    with cpu_meter(clock) as meter, meter.window("train") as window:
        clock.sleep(10)
    assert window.measurement.energies[Scope.ACCELERATOR].absolute_u95_j == pytest.approx(10, rel=0.01)


def test_idle_power_is_remembered_and_taken_off_the_net_figure():
    clock = ManualClock()
    with cpu_meter(clock) as meter:
        assert meter.idle_power_w == {Scope.ACCELERATOR: None, Scope.SYSTEM: None}
        idle = meter.measure_idle(10)
        assert clock.monotonic_s() == pytest.approx(10)
        with meter.window("train") as window:
            clock.sleep(4)
    assert idle[Scope.ACCELERATOR] == pytest.approx(100, rel=1e-3)
    assert idle[Scope.SYSTEM] == pytest.approx(110, rel=1e-3)
    assert meter.idle_deviation_w[Scope.SYSTEM] == pytest.approx(0, abs=0.2)
    assert window.measurement.energies[Scope.SYSTEM].net_of_idle_j == pytest.approx(0, abs=1)


def test_idle_takes_as_long_as_the_instruments_need():
    clock = ManualClock()
    with gpu_meter(clock, [Steady(clock, 60.0, "gpu0", "gpu")]) as meter:
        meter.measure_idle()
    assert clock.monotonic_s() == pytest.approx(30)


def test_windows_do_not_nest_and_live_inside_the_meter():
    clock = ManualClock()
    meter = cpu_meter(clock)
    with pytest.raises(RuntimeError, match="with meter"), meter.window("train"):
        pass
    with meter, meter.window("train") as window:
        with pytest.raises(RuntimeError, match="don't nest"), meter.window("inner"):
            pass
        with pytest.raises(RuntimeError, match="still open"):
            _ = window.measurement
        with pytest.raises(RuntimeError, match="not paused"):
            window.resume()
        window.pause()
        with pytest.raises(RuntimeError, match="paused already"):
            window.pause()


def test_a_block_in_which_nothing_was_measured_is_refused():
    clock = ManualClock()
    with cpu_meter(clock) as meter, meter.window("inference") as window:
        clock.sleep(1)
        window.pause()
        window.mark_block()
        with pytest.raises(RuntimeError, match="no block is open"):
            window.mark_block()


def test_the_device_is_waited_for_before_each_edge_but_not_after_an_error():
    clock, calls = ManualClock(), []
    with cpu_meter(clock, synchronize=lambda: calls.append(clock.now_s)) as meter:
        with meter.window("train"):
            clock.sleep(1)
        assert calls == [0, 1]
        with pytest.raises(ZeroDivisionError), meter.window("finetune"):
            clock.sleep(1 / 0)
        assert calls == [0, 1, 1]
        with meter.window("evaluate") as window:
            clock.sleep(1)
    assert window.measurement.duration_s == 1


def test_a_recorded_run_replays_to_its_joules():
    clock = ManualClock()
    counter = ReplayCounter(Recording([0, 1, 2, 3], [0.0, 5_000.0, 9_000.0, 20_000.0]), clock)
    sensor = ReplaySensor(Recording([0, 1, 2], [100.0, None, 300.0]), clock)
    with (
        EnergyMeter([counter], options=MeterOptions(device="cpu", clock=clock, sampling=False)) as meter,
        meter.window("train") as window,
    ):
        clock.sleep(2.5)
    assert window.measurement.energies[Scope.ACCELERATOR].energy_j == pytest.approx(9)
    with EnergyMeter([], [sensor], MeterOptions(device="cuda:0", clock=ManualClock(), sampling=False)):
        pass
    assert sensor.recording.at(1.5) is None
    assert sensor.recording.at(-1) is None


def test_two_instruments_of_one_name_must_be_a_counter_and_a_sensor():
    clock = ManualClock()
    with pytest.raises(ValueError, match="cpu0"):
        EnergyMeter([Steady(clock, 1.0), Steady(clock, 2.0)], options=MeterOptions(clock=clock))


def test_the_sampling_thread_reads_while_the_caller_works():
    with EnergyMeter.for_device("cpu") as meter, meter.window("train") as window:
        assert any(thread.name == "energy-meter" for thread in threading.enumerate())
        seen = []

        def has_grown_twice() -> bool:
            seen.append(window.energy_j(Scope.SYSTEM))
            return len(set(seen)) >= 3

        wait_until(has_grown_twice, "the thread to read twice more")
        assert window.power_w(Scope.SYSTEM) > 0
    assert not any(thread.name == "energy-meter" for thread in threading.enumerate())
    assert seen == sorted(seen)
    assert window.measurement.energies[Scope.SYSTEM].energy_j >= seen[-1]


def test_the_meter_does_not_import_torch():
    code = (
        "import sys\nfrom measurement.meters import EnergyMeter\nfrom measurement.doctor.diagnosis import diagnose\n"
        "diagnose()\n"
        "with EnergyMeter.for_device('cpu') as meter:\n    meter.measure_idle(0.1)\n"
        "assert not {'torch', 'django', 'celery'} & set(sys.modules), 'imported'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
