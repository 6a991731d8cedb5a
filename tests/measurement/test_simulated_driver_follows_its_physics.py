"""The simulated driver shows of its true power what a real card's sensor and counter would, through nvidia-ml-py."""

from __future__ import annotations

import os
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.simulated.child import run
from tests.simulated.clock import VirtualClock
from tests.simulated.driver import build, environment, in_process
from tests.simulated.gpu import (
    HW_THERMAL,
    SW_POWER_CAP,
    THIS_PROCESS,
    TIMEOUT,
    Change,
    Fault,
    GpuProcess,
    SimulatedGpu,
    Throttle,
    a100,
    h100,
    p100,
    v100,
)
from tests.simulated.profiles import Profile
from tests.simulated.work import Truth, Work

CONSTANT = Profile.constant(250.0)


@pytest.fixture
def clock(tmp_path):
    return VirtualClock(tmp_path / "clock", 1000.0)


@pytest.fixture
def ask(tmp_path, clock):
    """Runs a function over GPUs whose profiles start at 1000 s of a virtual clock."""

    def _ask(function, *gpus, arguments=(), **options):
        return run(function, gpus, tmp_path, *arguments, clock=clock, start_s=1000.0, **options)

    return _ask


# In the child process


def read_at(times_s, what="counter"):
    """Readings at seconds since the start, in joules or watts; a driver's error is its number, negative."""
    clock, nvml = VirtualClock.of_environment(), started()
    clock.now_s = 1000.0
    device = nvml.nvmlDeviceGetHandleByIndex(0)
    readings = []
    for time_s in times_s:
        clock.now_s = 1000.0 + time_s
        try:
            readings.append(READERS[what](nvml, device))
        except nvml.NVMLError as error:
            readings.append(-error.value)
    return readings


def started():
    import pynvml

    pynvml.nvmlInit()
    return pynvml


def field(name):
    def read(nvml, device):
        (value,) = nvml.nvmlDeviceGetFieldValues(device, [getattr(nvml, name)])
        return -value.nvmlReturn if value.nvmlReturn else value.value.uiVal / 1000

    return read


READERS = {
    "counter": lambda nvml, device: nvml.nvmlDeviceGetTotalEnergyConsumption(device) / 1000,
    "usage": lambda nvml, device: nvml.nvmlDeviceGetPowerUsage(device) / 1000,
    "instant": field("NVML_FI_DEV_POWER_INSTANT"),
    "average": field("NVML_FI_DEV_POWER_AVERAGE"),
    "reasons": lambda nvml, device: nvml.nvmlDeviceGetCurrentClocksEventReasons(device),
    "thermal": lambda nvml, device: nvml.nvmlDeviceGetViolationStatus(device, 1).violationTime / 1e9,
    "pids": lambda nvml, device: [process.pid for process in nvml.nvmlDeviceGetComputeRunningProcesses(device)],
    "temperature": lambda nvml, device: nvml.nvmlDeviceGetTemperatureV(device, 0),
    "mig": lambda nvml, device: nvml.nvmlDeviceGetMigMode(device)[0],
    "time": lambda nvml, device: (
        nvml.nvmlDeviceGetTemperature(device, 0) and VirtualClock.of_environment().now_s - 1000
    ),
    "name": lambda nvml, device: nvml.nvmlDeviceGetName(device),
}


def grid(start_s, end_s, step_s):
    return [start_s + step_s * index for index in range(round((end_s - start_s) / step_s))]


# The counter


@pytest.mark.parametrize(
    "profile",
    [
        CONSTANT,
        Profile.square(80, 380, 0.7, duty=0.3),
        Profile.triangle(60, 500, 1.3),
        Profile.training(3),
        Profile.bursts(4),
        Profile.ramp(50, 600, 40),
    ],
    ids=["constant", "square", "triangle", "training", "bursts", "ramp"],
)
def test_between_ticks_the_counter_adds_the_true_energy(ask, profile):
    before_j, after_j = ask(read_at, h100(profile), arguments=([10.0, 70.0],))
    assert after_j - before_j == pytest.approx(profile.energy_j(10, 70), abs=0.0021)


def test_the_counter_ticks_with_its_period_and_never_in_between(ask):
    gpu = h100(CONSTANT, counter_period_s=0.05, counter_phase_s=0.013)
    readings_j = ask(read_at, gpu, arguments=(grid(1.0005, 3.0005, 0.001),))
    ticks_s = [1.0005 + 0.001 * i for i in range(1, 2000) if readings_j[i] != readings_j[i - 1]]
    assert len(ticks_s) == 40
    assert ticks_s[0] == pytest.approx(1.013, abs=0.001)
    assert {round(later - earlier, 6) for earlier, later in pairwise(ticks_s)} == {0.05}


def test_ticks_with_jitter_keep_their_mean_period_and_the_energy(ask):
    gpu = h100(CONSTANT, counter_jitter_s=0.02, seed=5)
    times_s = grid(0.0, 20.0, 0.002)
    readings_j = ask(read_at, gpu, arguments=(times_s,))
    ticks_s = [times_s[i] for i in range(1, len(times_s)) if readings_j[i] != readings_j[i - 1]]
    intervals_s = [later - earlier for earlier, later in pairwise(ticks_s)]
    assert min(intervals_s) >= 0.06 - 0.003
    assert max(intervals_s) <= 0.14 + 0.003
    assert max(intervals_s) - min(intervals_s) > 0.03
    assert sum(intervals_s) / len(intervals_s) == pytest.approx(0.1, rel=0.01)
    assert readings_j[-1] - readings_j[0] == pytest.approx(250 * 20, abs=250 * 0.13)
    assert readings_j == sorted(readings_j)


def test_the_same_seed_plays_the_same_readings(ask):
    gpu = h100(Profile.bursts(1)).realistic(7)
    times_s = grid(0, 5, 0.01)
    assert ask(read_at, gpu, arguments=(times_s,)) == ask(read_at, gpu, arguments=(times_s,))


def test_gain_errors_are_common_to_both_or_the_counters_alone(ask):
    gpu = h100(CONSTANT, gain_error=0.04, counter_gain_error=-0.01)
    before_j, after_j = ask(read_at, gpu, arguments=([10.0, 110.0],))
    assert after_j - before_j == pytest.approx(25_000 * 1.04 * 0.99, rel=1e-6)
    assert ask(read_at, gpu, arguments=([10.0], "instant")) == [260.0]


def test_the_counter_has_a_resolution_wraps_and_is_reset(ask):
    coarse = ask(read_at, h100(CONSTANT, counter_resolution_mj=1000), arguments=(grid(0, 2, 0.1),))
    assert all(reading_j == round(reading_j) for reading_j in coarse)
    wrapping = h100(CONSTANT, counter_start_mj=0, counter_range_mj=1_000_000)
    assert ask(read_at, wrapping, arguments=([3.95, 4.05, 4.15],)) == [975.0, 0.0, 25.0]
    reset = h100(CONSTANT, counter_resets_s=(5.0,))
    before_j, at_j, after_j = ask(read_at, reset, arguments=([4.95, 5.0, 9.0],))
    assert before_j == pytest.approx(123_456.789 + 4.9 * 250)
    assert (at_j, after_j) == (0.0, 1000.0)


def test_a_counter_that_integrates_the_sensor_inherits_its_blindness(ask):
    profile = Profile.square(100, 400, 0.1, duty=0.25, phase_s=0.025)  # high just in the 25 ms that are seen
    honest, blind = (
        ask(read_at, h100(profile, counter_sees_sensor=sees), arguments=([1.0, 11.0],)) for sees in (False, True)
    )
    assert honest[1] - honest[0] == pytest.approx(1750, rel=1e-5)
    assert blind[1] - blind[0] == pytest.approx(4000, rel=1e-5)


# The sensor


def test_the_sensor_holds_the_mean_of_the_last_part_of_each_update(ask):
    gpu = h100(Profile.ramp(0, 1000, 10), sensor_phase_s=0.03)
    readings_w = ask(read_at, gpu, arguments=([2.02, 2.031, 2.08, 2.1299, 2.131], "instant"))
    means_w = [gpu.profile.mean_power_w(end_s - 0.025, end_s) for end_s in (1.93, 2.03, 2.03, 2.03, 2.13)]
    assert readings_w == pytest.approx(means_w, abs=0.001)


def test_partial_duty_is_blind_to_what_lies_outside(ask):
    seen = Profile.square(100, 400, 0.1, duty=0.25, phase_s=0.025)
    unseen = Profile.square(100, 400, 0.1, duty=0.25, phase_s=0.075)
    times_s = grid(1.0, 11.0, 0.05)
    assert ask(read_at, h100(seen), arguments=(times_s, "instant")) == [400.0] * 200
    assert ask(read_at, h100(unseen), arguments=(times_s, "instant")) == [100.0] * 200
    assert seen.mean_power_w(1, 11) == pytest.approx(175)
    assert unseen.mean_power_w(1, 11) == pytest.approx(175)
    whole = ask(read_at, h100(seen, averaging_s=0.1), arguments=(times_s, "instant"))
    assert whole == pytest.approx([175.0] * 200, abs=0.001)


def test_power_usage_is_a_mean_of_one_second_on_hopper_and_instantaneous_on_ga100(ask):
    profile = Profile.steps([(5, 100), (5, 300)])
    times_s = [4.95, 5.05, 5.55, 6.05, 6.95]
    assert ask(read_at, h100(profile), arguments=(times_s, "usage")) == [100, 100, 200, 300, 300]
    assert ask(read_at, h100(profile), arguments=(times_s, "average")) == [100, 100, 200, 300, 300]
    assert ask(read_at, a100(profile), arguments=(times_s, "usage")) == [100, 100, 300, 300, 300]
    assert ask(read_at, h100(profile), arguments=(times_s, "instant")) == [100, 100, 300, 300, 300]


def test_noise_is_even_within_its_bounds_and_new_at_each_update(ask):
    readings_w = ask(read_at, h100(CONSTANT, power_noise_w=5), arguments=(grid(0.05, 100, 0.1), "instant"))
    assert min(readings_w) >= 245
    assert max(readings_w) <= 255
    assert len(set(readings_w)) > 900
    assert sum(readings_w) / 1000 == pytest.approx(250, abs=0.3)


# What a card does not support, and what happens to it


def test_older_cards_support_less(ask):
    assert ask(read_at, p100(CONSTANT), arguments=([1.0],)) == [-3]
    assert ask(read_at, p100(CONSTANT), arguments=([1.0], "usage")) == [250.0]
    assert ask(read_at, v100(CONSTANT), arguments=([1.0], "instant")) == [-3]
    assert ask(read_at, v100(CONSTANT), arguments=([1.0], "mig")) == [-3]
    assert ask(read_at, v100(CONSTANT), arguments=([1.0],)) == [pytest.approx(123_456.789 + 250)]


def test_mig_is_reported(ask):
    assert ask(read_at, h100(CONSTANT, mig_mode=True), arguments=([1.0], "mig")) == [1]
    assert ask(read_at, h100(CONSTANT), arguments=([1.0], "mig")) == [0]


def test_a_lost_device_fails_every_call_from_then_on(ask):
    gpu = h100(CONSTANT, lost_at_s=5.0)
    for what in ("counter", "usage", "instant", "name", "pids", "reasons"):
        before, *after = ask(read_at, gpu, arguments=([4.9, 5.0, 50.0], what))
        assert before not in (-15, None)
        assert after == [-15, -15]


def test_a_call_fails_for_a_while(ask):
    gpu = h100(CONSTANT, faults=(Fault("nvmlDeviceGetTotalEnergyConsumption", TIMEOUT, 2.0, 3.0),))
    before_j, during, after_j = ask(read_at, gpu, arguments=([1.0, 2.5, 3.0],))
    assert during == -10
    assert after_j - before_j == pytest.approx(500)


def test_throttling_comes_and_goes_and_its_time_adds_up(ask):
    gpu = h100(CONSTANT, throttles=(Throttle(SW_POWER_CAP, 1, 4), Throttle(HW_THERMAL, 3, 5)))
    assert ask(read_at, gpu, arguments=([0, 2, 3, 4, 5], "reasons")) == [0, 4, 0x44, 0x40, 0]
    assert ask(read_at, gpu, arguments=([0, 4, 9], "thermal")) == [0, 1, 2]


def test_processes_come_and_go(ask):
    gpu = h100(CONSTANT, processes=(GpuProcess(THIS_PROCESS), GpuProcess(4242, 2, 3)))
    (own,), both, (again,) = ask(read_at, gpu, arguments=([1, 2, 3], "pids"))
    assert own == again
    assert own != os.getpid()
    assert both == [own, 4242]
    assert ask(read_at, h100(CONSTANT), arguments=([1], "pids")) == [[]]


def test_settings_change_at_their_time(ask):
    gpu = h100(CONSTANT, changes=(Change(5, "temperature_c", 83), Change(2, "temperature_c", 60)))
    assert ask(read_at, gpu, arguments=([1, 2, 9], "temperature")) == [45, 60, 83]


# Devices, identity, and the library itself


def identities():
    nvml = started()
    readings = []
    for index in range(nvml.nvmlDeviceGetCount()):
        device = nvml.nvmlDeviceGetHandleByIndex(index)
        uuid = nvml.nvmlDeviceGetUUID(device)
        assert nvml.nvmlDeviceGetIndex(nvml.nvmlDeviceGetHandleByUUID(uuid)) == index
        pci = nvml.nvmlDeviceGetPciInfo(device)
        readings.append(
            {
                "name": nvml.nvmlDeviceGetName(device),
                "uuid": uuid,
                "pci": pci.busId,
                "limit_mw": nvml.nvmlDeviceGetEnforcedPowerLimit(device),
                "limits_mw": nvml.nvmlDeviceGetPowerManagementLimitConstraints(device),
                "sm_mhz": nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_SM),
                "persistent": nvml.nvmlDeviceGetPersistenceMode(device),
                "memory": nvml.nvmlDeviceGetMemoryInfo(device).total,
                "architecture": nvml.nvmlDeviceGetArchitecture(device),
                "energy_mj": nvml.nvmlDeviceGetTotalEnergyConsumption(device),
            }
        )
    return [nvml.nvmlSystemGetDriverVersion(), readings]


def test_several_devices_have_their_own_identity_and_power(ask, clock):
    clock.now_s = 1010.0
    driver, (first, second) = ask(identities, h100(CONSTANT), a100(Profile.constant(100)))
    assert driver == "550.54.15"
    assert first["name"] == "NVIDIA H100 80GB HBM3"
    assert second["name"] == "NVIDIA A100-SXM4-80GB"
    assert first["uuid"].startswith("GPU-")
    assert first["uuid"] != second["uuid"]
    assert (first["pci"], second["pci"]) == ("00000000:10:00.0", "00000000:11:00.0")
    assert (first["limit_mw"], second["limit_mw"]) == (700_000, 400_000)
    assert first["limits_mw"] == [200_000, 700_000]
    assert (first["sm_mhz"], first["persistent"], first["memory"]) == (1980, 1, 80 * 2**30)
    assert (first["architecture"], second["architecture"]) == (9, 7)
    assert first["energy_mj"] - second["energy_mj"] == 1_500_000


def absent_function():
    nvml = started()
    device = nvml.nvmlDeviceGetHandleByIndex(0)
    try:
        nvml.nvmlDeviceGetFanSpeed(device)
    except nvml.NVMLError_FunctionNotFound:
        return "absent"


def test_what_the_library_does_not_have_is_not_found(ask):
    assert ask(absent_function, h100(CONSTANT)) == "absent"


def driver_of_a_machine_without_one():
    os.environ.pop("SIMULATED_NVML_SCRIPT")
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return "no driver"


def test_without_a_script_there_is_no_driver(ask):
    assert ask(driver_of_a_machine_without_one, h100(CONSTANT)) == "no driver"


def test_a_call_takes_its_time_and_reads_in_the_middle_of_it(ask):
    slow = h100(CONSTANT, call_latency_s=0.02)
    assert ask(read_at, slow, arguments=([1.0], "time")) == pytest.approx([1.02])
    early, late = ask(read_at, slow, arguments=([1.985, 1.995],))
    assert late - early == pytest.approx(25)


def two_scripts():
    import pynvml

    folder, clock = os.environ["FOLDER"], VirtualClock.of_environment()
    readings = []
    for watts in (100.0, 300.0):
        with in_process([h100(Profile.constant(watts))], Path(folder), clock=clock) as nvml:
            device = nvml.nvmlDeviceGetHandleByIndex(0)
            before_mj = nvml.nvmlDeviceGetTotalEnergyConsumption(device)
            clock.sleep(10)
            readings.append((nvml.nvmlDeviceGetTotalEnergyConsumption(device) - before_mj) / 10_000)
    os.environ.pop("SIMULATED_NVML_SCRIPT")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return readings


def test_a_process_plays_one_script_after_another_and_is_left_as_it_was(ask, tmp_path):
    assert ask(two_scripts, h100(CONSTANT), variables={"FOLDER": str(tmp_path)}) == pytest.approx([100.0, 300.0])


def working(stretches, clock_steps_s):
    clock, nvml = VirtualClock.of_environment(), started()
    work, device = Work.of_environment(clock), nvml.nvmlDeviceGetHandleByIndex(0)
    readings = [(clock.now_s, nvml.nvmlDeviceGetTotalEnergyConsumption(device) / 1000)]
    for idle_s, busy_s in stretches:
        clock.sleep(idle_s)
        with work.running():
            for _ in range(clock_steps_s):
                clock.sleep(busy_s / clock_steps_s)
                readings.append((clock.now_s, nvml.nvmlDeviceGetTotalEnergyConsumption(device) / 1000))
    clock.sleep(5)
    readings.append((clock.now_s, nvml.nvmlDeviceGetTotalEnergyConsumption(device) / 1000))
    return readings


def test_power_follows_the_work_and_falls_back_after_it(ask, tmp_path, clock):
    work = Work(tmp_path / "work", clock)
    gpu = h100(Profile.triangle(60, 90, 7), work=Profile.training(2), work_decay_s=0.6, counter_period_s=1e-5)
    readings = ask(working, gpu, arguments=([[2, 3], [0.2, 4], [1, 0.7]], 5), work=work)
    truth = Truth(gpu, 1000.0, work)
    assert len(work.stretches) == 3
    (first_s, first_j), *later = readings
    for now_s, seen_j in later:
        assert seen_j - first_j == pytest.approx(truth.energy_j(first_s, now_s), abs=0.02)
    assert readings[-1][1] - first_j > gpu.profile.energy_j(0, 15.9) + 1000


def read_in_real_time(start_s):
    nvml = started()
    device = nvml.nvmlDeviceGetHandleByIndex(0)
    readings = []
    while len(readings) < 4:
        earliest_s = time.monotonic() - start_s
        energy_mj = nvml.nvmlDeviceGetTotalEnergyConsumption(device)
        if not readings or energy_mj != readings[-1][2]:
            readings.append((earliest_s, time.monotonic() - start_s, energy_mj))
    return readings


def test_real_time_is_the_monotonic_clock(tmp_path):
    start_s = time.monotonic()
    gpu = h100(CONSTANT)
    for earliest_s, latest_s, energy_mj in run(read_in_real_time, [gpu], tmp_path, start_s, start_s=start_s)[1:]:
        spent_j = energy_mj / 1000 - 123_456.789
        assert 250 * (earliest_s - 0.101) <= spent_j <= 250 * latest_s


def test_the_library_is_built_once(monkeypatch, tmp_path):
    library = build()
    assert library.name == "libnvidia-ml.so.1"
    monkeypatch.setenv("PATH", "")
    assert build() == library
    assert environment([], tmp_path)["LD_LIBRARY_PATH"].split(os.pathsep)[0] == str(library.parent)


def test_without_a_compiler_it_is_said_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(RuntimeError, match="C compiler"):
        build()


def test_profiles_know_their_energy_exactly():
    square = Profile.square(100, 300, 2.0, duty=0.25, phase_s=0.3)
    assert square.energy_j(0, 20) == pytest.approx(10 * (0.5 * 300 + 1.5 * 100))
    assert square.energy_j(0, 0.2) == pytest.approx(60)
    assert square.power_w(0.25) == 100
    assert square.energy_j(-2, 0) == pytest.approx(square.energy_j(0, 2))
    ramp = Profile.ramp(100, 200, 10)
    assert ramp.energy_j(0, 5) == pytest.approx(5 * 125)
    assert ramp.energy_j(10, 12) == pytest.approx(400)
    assert ramp.energy_j(-1, 0) == pytest.approx(100)
    joined = square.then(ramp, 3)
    assert joined.energy_j(0, 13) == pytest.approx(square.energy_j(0, 3) + 1500)
    with pytest.raises(ValueError, match="duration"):
        Profile(())


def test_a_card_whose_ticks_would_cross_is_refused():
    with pytest.raises(ValueError, match="half"):
        SimulatedGpu(CONSTANT, counter_jitter_s=0.05)
