"""The meter over simulated drivers that lose the card, lack calls or step back: true joules or none, and why."""

from __future__ import annotations

import time

import pytest

from measurement.errors import MeasurementError
from measurement.meters import EnergyMeter
from measurement.meters.discovery import describe_hardware, discover
from measurement.meters.options import MeterOptions
from measurement.vocabulary import Provenance, Scope
from tests.simulated.child import run
from tests.simulated.clock import AbsoluteClock, VirtualClock
from tests.simulated.gpu import NOT_SUPPORTED, TIMEOUT, Fault, a100, h100, p100, v100
from tests.simulated.profiles import Profile
from tests.simulated.trials import gpu_meter, pass_time

START_S = 1000.0
CONSTANT = Profile.constant(300.0)
SQUARE = Profile.square(90, 380, 0.8)


@pytest.fixture
def window_over(tmp_path):
    """A window of seconds on cuda:0 of these GPUs, in virtual time."""

    def _window_over(*gpus, seconds=10.0, variables=None):
        clock = VirtualClock(tmp_path / "clock", START_S)
        return run(one_window, gpus, tmp_path, seconds, clock=clock, start_s=START_S, variables=variables)

    return _window_over


# In the child process


def one_window(seconds):
    clock = VirtualClock.of_environment()
    with gpu_meter(clock) as meter:
        pass_time(meter, clock, 2.0)
        with meter.window("train") as window:
            pass_time(meter, clock, seconds)
    measured = window.measurement
    energy = measured.energies[Scope.ACCELERATOR]
    return {
        "energy_j": energy.energy_j,
        "provenance": energy.provenance,
        "sources": energy.sources,
        "edges_s": (measured.started_s - START_S, measured.ended_s - START_S),
        "notes": measured.notes,
        "flags": sorted(measured.flags),
    }


def window_in_real_time():
    clock = AbsoluteClock()
    with gpu_meter(clock, sampling=True) as meter:
        clock.sleep(0.3)
        with meter.window("train") as window:
            clock.sleep(2.5)
    measured = window.measurement
    energy = measured.energies[Scope.ACCELERATOR]
    return [energy.energy_j, energy.repeatability_u95_j, measured.started_s, measured.ended_s]


def refusal(device):
    try:
        with EnergyMeter.for_device(device, require_metered=True):
            return None
    except MeasurementError as error:
        return [type(error).__name__, str(error)]


def loss_of_a_required_card():
    clock = VirtualClock.of_environment()
    found = discover("cuda:0", clock)
    meter = EnergyMeter(
        found.counters,
        found.sensors,
        MeterOptions(device="cuda:0", clock=clock, sampling=False, require_metered=True),
    )
    try:
        with meter, meter.window("train"):
            pass_time(meter, clock, 10.0)
    except MeasurementError as error:
        return [type(error).__name__, str(error)]


def hardware():
    described = describe_hardware("cuda:0")
    return [described.name, described.driver, described.power_limit_w, described.settings["temperature_c"]]


def names_of_hardware(number):
    return [describe_hardware(f"cuda:{position}").name for position in range(number)]


# In the test's process


def test_in_real_time_with_its_thread_the_meter_finds_the_true_joules(tmp_path):
    gpu, start_s = h100(SQUARE).realistic(11), time.monotonic()
    energy_j, u95_j, started_s, ended_s = run(window_in_real_time, [gpu], tmp_path, start_s=start_s)
    true_j = gpu.profile.energy_j(started_s - start_s, ended_s - start_s)
    assert energy_j == pytest.approx(true_j, abs=max(2 * u95_j, 0.06 * true_j))


def test_a_card_that_is_lost_mid_window_has_no_figure_and_says_why(window_over):
    measured = window_over(h100(CONSTANT, lost_at_s=6.0))
    assert (measured["energy_j"], measured["provenance"]) == (None, Provenance.MISSING)
    assert "lost" in measured["notes"][0]


def test_the_loss_of_a_required_card_ends_the_run(tmp_path):
    clock = VirtualClock(tmp_path / "clock", START_S)
    gpu = h100(CONSTANT, lost_at_s=5.0)
    kind, message = run(loss_of_a_required_card, [gpu], tmp_path, clock=clock, start_s=START_S)
    assert kind == "MeterFailure"
    assert "reboot" in message


def test_a_counter_that_is_reset_mid_window_is_not_believed(window_over):
    measured = window_over(h100(SQUARE, averaging_s=0.1, counter_resets_s=(7.0,)))
    true_j = SQUARE.energy_j(*measured["edges_s"])
    assert measured["sources"] == ["nvml_power"]
    assert measured["energy_j"] == pytest.approx(true_j, rel=0.03)
    assert "stepped back" in measured["notes"][0]


def test_a_call_that_fails_for_a_while_costs_no_joules(window_over):
    fault = Fault("nvmlDeviceGetTotalEnergyConsumption", TIMEOUT, 5.0, 6.0)
    measured = window_over(h100(SQUARE, faults=(fault,)))
    assert measured["sources"] == ["nvml_counter"]
    assert measured["energy_j"] == pytest.approx(SQUARE.energy_j(*measured["edges_s"]), rel=0.02)


def test_a_card_without_a_counter_is_metered_by_its_power(window_over):
    measured = window_over(p100(CONSTANT))
    assert (measured["provenance"], measured["sources"]) == ("metered", ["nvml_power"])
    assert measured["energy_j"] == pytest.approx(300 * (measured["edges_s"][1] - measured["edges_s"][0]), rel=0.001)


def test_a_card_without_counter_and_power_is_missing_never_zero(window_over):
    measured = window_over(p100(CONSTANT, faults=(Fault("nvmlDeviceGetPowerUsage", NOT_SUPPORTED),)))
    assert (measured["energy_j"], measured["provenance"]) == (None, "missing")


def test_the_counter_and_not_the_half_blind_sensor_is_what_counts(window_over):
    blind = Profile.square(100, 400, 0.1, duty=0.25, phase_s=0.025)
    measured = window_over(h100(blind))
    true_j = blind.energy_j(*measured["edges_s"])
    assert measured["energy_j"] == pytest.approx(true_j, rel=0.02)
    assert "counter_disagrees" in measured["flags"]


@pytest.mark.parametrize(("visible", "watts"), [("0", 100), ("1", 300), ("1,0", 300), ("second", 300)])
def test_the_card_that_cuda_shows_is_the_one_that_is_metered(window_over, visible, watts):
    gpus = h100(Profile.constant(100)), h100(Profile.constant(300))
    visible = gpus[1].identity(1) if visible == "second" else visible
    measured = window_over(*gpus, variables={"CUDA_VISIBLE_DEVICES": visible})
    assert measured["energy_j"] == pytest.approx(watts * (measured["edges_s"][1] - measured["edges_s"][0]), rel=0.02)


def test_mig_is_refused(tmp_path):
    kind, message = run(refusal, [a100(CONSTANT, mig_mode=True)], tmp_path, "cuda:0")
    assert kind == "MeterMissing"
    assert "MIG" in message


def test_a_card_that_reports_nothing_is_refused_if_a_meter_is_required(tmp_path):
    silent = v100(CONSTANT, has_counter=False, faults=(Fault("nvmlDeviceGetPowerUsage"),))
    kind, message = run(refusal, [silent], tmp_path, "cuda:0")
    assert kind == "MeterMissing"
    assert "neither" in message


def test_a_card_that_is_lost_from_the_start_is_refused_with_a_remedy(tmp_path):
    kind, message = run(refusal, [h100(CONSTANT, lost_at_s=0.0)], tmp_path, "cuda:0")
    assert kind == "MeterMissing"
    assert "dmesg" in message


def test_a_card_that_does_not_exist_is_bad_input(tmp_path):
    kind, message = run(refusal, [h100(CONSTANT)], tmp_path, "cuda:3")
    assert kind == "BadOption"
    assert "cuda:3" in message


def test_the_card_describes_itself(tmp_path):
    described = run(hardware, [a100(CONSTANT, temperature_c=61.0)], tmp_path)
    assert described == ["NVIDIA A100-SXM4-80GB", "550.54.15", 400.0, 61]


def test_a_power_limit_that_is_not_the_default_makes_other_hardware(tmp_path):
    cards = [a100(CONSTANT, power_limit_w=limit_w) for limit_w in (300.0, 400.0, 399.0)]
    unknown = a100(CONSTANT, power_limit_w=300.0, default_power_limit_w=None)
    name = "NVIDIA A100-SXM4-80GB"
    assert run(names_of_hardware, [*cards, unknown], tmp_path, 4) == [f"{name} at 300 W", name, name, name]
