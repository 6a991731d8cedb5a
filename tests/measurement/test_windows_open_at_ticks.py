"""Windows that open and close at a counter's ticks hold the true joules, and their uncertainty says how nearly.

Simulated cards in virtual time: jitter of ticks, sensor noise and calls of 1 to 5 ms in most trials. Power follows
the work, which a window brackets, in half of them, and takes its own course in the other half.
"""

from __future__ import annotations

import random
import statistics
from pathlib import Path

import pytest

from measurement.errors import BadInput
from measurement.meters import EnergyMeter
from measurement.meters.discovery import discover
from measurement.meters.options import MeterOptions
from measurement.traces.trace import read_trace
from measurement.vocabulary import Scope
from tests.simulated.child import run
from tests.simulated.clock import VirtualClock
from tests.simulated.gpu import NOT_SUPPORTED, Fault, h100, v100
from tests.simulated.profiles import Profile
from tests.simulated.trials import Trial, pass_time, trials

CARDS = (h100, v100)
KINDS = ("constant", "square", "square, 25 % busy", "bursts", "training")
IDLE = Profile.constant(70.0)


def profile_of(kind, draw):
    if kind == "constant":
        return Profile.constant(draw.uniform(100, 400))
    if kind in ("square", "square, 25 % busy"):
        share = draw.uniform(0.3, 0.7) if kind == "square" else 0.25
        return Profile.square(
            draw.uniform(60, 120), draw.uniform(200, 400), draw.uniform(0.3, 3), share, draw.random()
        )
    return Profile.bursts(draw.randrange(10**6)) if kind == "bursts" else Profile.training(draw.randrange(10**6))


# In the child process


def windows(kind, shortest_s, longest_s, seeds, folder):
    def card_of(seed):
        draw = random.Random(f"{kind} {seed}")
        profile = profile_of(kind or draw.choice(KINDS), draw)
        make = draw.choice(CARDS)
        gpu = make(profile) if seed % 2 else make(IDLE, work=profile, work_decay_s=draw.choice([0.0, 0.05, 0.3]))
        return gpu if seed % 5 == 0 else gpu.realistic(seed), draw.uniform(shortest_s, longest_s)

    return trials(card_of, range(*seeds), Path(folder))


def metered(folder, start_s, *courses):
    """Windows of so many seconds over the scripted cards, all of them together: joules, seconds, times and notes."""
    clock = VirtualClock.of_environment()
    devices = [discover(f"cuda:{ordinal}", clock) for ordinal in range(2 if len(courses) > 1 else 1)]
    counters = [item for found in devices for item in found.counters if item.kind == "gpu"]
    sensors = [item for found in devices for item in found.sensors]
    meter = EnergyMeter(counters, sensors, MeterOptions(device="cuda:0", clock=clock, sampling=False))
    with meter:
        pass_time(meter, clock, 1.0)
        before_s = clock.now_s
        with meter.window("train") as window:
            pass_time(meter, clock, courses[0])
        waited_s = clock.now_s - before_s - courses[0]
        with meter.window("finetune") as later:
            pass_time(meter, clock, 5.0)
    return [
        {
            "energy_j": measured.energies[Scope.ACCELERATOR].energy_j,
            "u95_j": measured.energies[Scope.ACCELERATOR].repeatability_u95_j,
            "times_s": [measured.started_s - start_s, measured.ended_s - start_s],
            "notes": measured.notes,
            "cross_check_j": measured.components["gpu0"].cross_check_j,
            "waited_s": waited_s,
        }
        for measured in (window.measurement, later.measurement)
    ]


@pytest.fixture
def tried(tmp_path):
    def _tried(kind, shortest_s, longest_s, seeds):
        trials = run(windows, [h100(IDLE)], tmp_path, kind, shortest_s, longest_s, seeds, str(tmp_path))
        return [Trial(**one) for one in trials]

    return _tried


@pytest.fixture
def windows_of(tmp_path):
    def _windows_of(gpus, *courses):
        clock = VirtualClock(tmp_path / "clock", 1000.0)
        return run(metered, gpus, tmp_path, str(tmp_path), 1000.0, *courses, clock=clock, start_s=1000.0)

    return _windows_of


@pytest.mark.parametrize("kind", KINDS)
def test_windows_of_five_seconds_and_more_hold_the_true_joules(tried, kind):
    errors = [abs(trial.relative_error) for trial in tried(kind, 5, 30, [0, 60])]
    assert statistics.median(errors) <= 0.005
    assert max(errors) <= 0.02


def test_the_true_joules_of_short_windows_lie_in_the_interval_as_often_as_it_says(tried):
    found = tried(None, 0.5, 5, [0, 1000])
    assert 930 <= sum(trial.is_covered for trial in found) <= 990
    drawn = [random.Random(f"None {seed}").choice(KINDS) for seed in range(1000)]
    for kind in KINDS:
        of_kind = [trial.is_covered for trial, one in zip(found, drawn, strict=True) if one == kind]
        assert sum(of_kind) >= 0.93 * len(of_kind), kind


def test_a_window_costs_the_wait_for_ticks_and_no_more(windows_of):
    first, _ = windows_of([h100(Profile.constant(100.0))], 1.0)
    assert first["times_s"][1] - first["times_s"][0] == pytest.approx(1.0, abs=0.002)
    assert first["waited_s"] <= 0.1 + 0.2 + 0.005


def test_several_cards_are_summed_each_at_its_own_ticks(windows_of):
    gpus = [
        h100(Profile.constant(300.0), counter_phase_s=0.013),
        h100(Profile.square(90.0, 350.0, 0.7), counter_phase_s=0.081),
    ]
    first, _ = windows_of(gpus, 6.0, None)
    true_j = sum(gpu.profile.energy_j(*first["times_s"]) for gpu in gpus)
    assert first["energy_j"] == pytest.approx(true_j, rel=0.005)


def test_a_counter_that_does_not_tick_is_not_waited_for_for_ever(windows_of):
    first, _ = windows_of([h100(Profile.constant(0.0))], 2.0)
    assert first["waited_s"] < 1
    assert first["energy_j"] == 0.0


def test_a_device_lost_in_a_window_is_missing_with_its_reason(windows_of):
    first, later = windows_of([h100(Profile.constant(200.0), lost_at_s=4.0)], 6.0)
    assert first["energy_j"] is None
    assert "fell off the bus" in first["notes"][0]
    assert later["energy_j"] is None


def test_a_counter_that_was_reset_in_a_window_is_replaced_with_a_note(windows_of):
    first, later = windows_of([h100(Profile.constant(200.0), counter_resets_s=(4.0,))], 6.0)
    assert first["energy_j"] == pytest.approx(1200, rel=0.01)
    assert "stepped back" in first["notes"][0]
    assert later["energy_j"] == pytest.approx(1000, rel=0.001)
    assert later["notes"] == []


def test_a_card_that_reports_no_power_is_metered_by_its_counter_alone(windows_of):
    calls = ("nvmlDeviceGetPowerUsage", "NVML_FI_DEV_POWER_INSTANT", "NVML_FI_DEV_POWER_AVERAGE")
    profile = Profile.square(90.0, 350.0, 1.1)
    first, _ = windows_of([h100(profile, faults=tuple(Fault(call, NOT_SUPPORTED) for call in calls))], 6.0)
    assert first["energy_j"] == pytest.approx(profile.energy_j(*first["times_s"]), rel=0.005)
    assert first["cross_check_j"] is None


def of_both_cards():
    clock = VirtualClock.of_environment()
    meter = EnergyMeter.for_device(["cuda:0", "cuda:1"], clock=clock)
    with meter:
        with meter.window("train") as window:
            clock.sleep(1.0)
        names = sorted(name for name in window.measurement.components if name.startswith("gpu"))
    try:
        EnergyMeter.for_device(["cuda:0", "cpu"])
    except BadInput as error:
        return [names, str(error)]
    return [names, ""]


def test_a_meter_takes_a_list_of_gpus_and_nothing_else(tmp_path):
    clock = VirtualClock(tmp_path / "clock", 1000.0)
    gpus = [h100(IDLE), h100(IDLE)]
    names, refusal = run(of_both_cards, gpus, tmp_path, clock=clock, start_s=1000.0)
    assert names == ["gpu0", "gpu1"]
    assert "must all be GPUs" in refusal


def trace_of_both_cards(folder):
    clock = VirtualClock.of_environment()
    found = discover(["cuda:0", "cuda:1"], clock)
    counters = [item for item in found.counters if item.kind == "gpu"]
    meter = EnergyMeter(counters, options=MeterOptions(device="cuda:0", clock=clock, sampling=False))
    with meter, meter.window("train") as window:
        for seconds in (0.03, 1.0, 0.2):
            pass_time(meter, clock, seconds)
            window.pause()
            window.resume()
            pass_time(meter, clock, seconds)
            window.mark_block()
    meter.write_trace(Path(folder) / "trace.parquet")
    return window.measurement.energies[Scope.ACCELERATOR].energy_j


def test_the_trace_of_several_cards_recomputes_and_holds_no_negative_power(tmp_path):
    gpus = [
        h100(Profile.constant(300.0), counter_phase_s=0.013),
        h100(Profile.square(90.0, 350.0, 0.7), counter_phase_s=0.081),
    ]
    clock = VirtualClock(tmp_path / "clock", 1000.0)
    energy_j = run(trace_of_both_cards, gpus, tmp_path, str(tmp_path), clock=clock, start_s=1000.0)
    trace = read_trace(tmp_path / "trace.parquet")
    (window,) = trace.windows
    recomputed = [trace.window_energy_j(window, name) for name in ("gpu0", "gpu1")]
    assert sum(recomputed) == pytest.approx(energy_j, rel=1e-6)
    assert min(watts for watts in trace.columns["power_w"] if watts is not None) >= 0


def without_one_of_two():
    found = discover(["cuda:0", "cuda:1"])
    return [item.name for item in (*found.counters, *found.sensors) if item.kind == "gpu"]


def test_one_of_two_cards_without_a_meter_leaves_none_rather_than_half_the_joules(tmp_path):
    calls = ("nvmlDeviceGetPowerUsage", "NVML_FI_DEV_POWER_INSTANT", "NVML_FI_DEV_POWER_AVERAGE")
    silent = h100(IDLE, has_counter=False, faults=tuple(Fault(call, NOT_SUPPORTED) for call in calls))
    assert run(without_one_of_two, [h100(IDLE), silent], tmp_path) == []
