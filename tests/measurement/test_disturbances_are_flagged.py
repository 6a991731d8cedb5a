"""Foreign processes, throttling and foreign CPU load are seen while a window is open, and only there."""

from __future__ import annotations

import pytest

from measurement.meters import EnergyMeter
from measurement.meters.cpu_load import CpuLoad
from measurement.meters.discovery import discover
from measurement.meters.disturbances import CpuObserver, foreign_pids
from measurement.meters.observation import Observation, WindowObservations
from measurement.meters.options import MeterOptions
from measurement.meters.reference import ReferenceDrift
from measurement.meters.replay import ManualClock
from measurement.vocabulary import Flag
from tests.measurement.instruments import Steady
from tests.measurement.powercap import add_zone
from tests.simulated.child import run
from tests.simulated.clock import VirtualClock
from tests.simulated.gpu import (
    HW_POWER_BRAKE,
    HW_THERMAL,
    SW_POWER_CAP,
    THIS_PROCESS,
    Change,
    Fault,
    GpuProcess,
    Throttle,
    h100,
)
from tests.simulated.profiles import Profile
from tests.simulated.trials import pass_time

START_S = 1000.0
STEADY = Profile.constant(250.0)


# In the child process


def three_windows():
    """Windows of 3 s each from 2 s on, observed once a second as by the meter's thread."""
    clock = VirtualClock.of_environment()
    found = discover("cuda:0", clock)
    counters = [item for item in found.counters if item.kind == "gpu"]
    meter = EnergyMeter(
        counters, options=MeterOptions(device="cuda:0", clock=clock, sampling=False, observers=found.observers)
    )
    results = []
    with meter:
        for name, begins_s in (("train", 2.0), ("finetune", 12.0), ("evaluate", 22.0)):
            pass_time(meter, clock, START_S + begins_s - clock.now_s)
            with meter.window(name) as window:
                for _ in range(3):
                    pass_time(meter, clock, 1.0)
                    meter.observe()
            measured = window.measurement
            results.append([sorted(measured.flags - {Flag.NO_REPEATS}), measured.notes, measured.conditions])
    return results


@pytest.fixture
def seen(tmp_path):
    def _seen(**changes):
        clock = VirtualClock(tmp_path / "clock", START_S)
        return run(three_windows, [h100(STEADY, **changes)], tmp_path, clock=clock, start_s=START_S)

    return _seen


def test_a_quiet_card_has_no_flags_and_its_temperature_in_the_record(seen):
    hot = Change(13.0, "temperature_c", 71.0)
    first, second, _ = seen(processes=(GpuProcess(THIS_PROCESS),), changes=(hot,))
    assert first[:2] == [[], []]
    assert first[2]["temperature_max_c"] == 45
    assert second[2]["temperature_max_c"] == 71
    assert first[2]["looks"] >= 4


def test_a_foreign_process_is_flagged_in_the_window_that_it_ran_in(seen):
    first, second, third = seen(processes=(GpuProcess(THIS_PROCESS), GpuProcess(4_000_000, 13.0, 14.5)))
    assert (first[0], third[0]) == ([], [])
    assert second[0] == ["foreign_process"]
    assert "pid 4000000" in second[1][0]


def test_throttling_is_flagged_with_its_reason_and_the_power_cap_is_not(seen):
    throttles = (Throttle(HW_THERMAL | HW_POWER_BRAKE, 12.5, 14.5), Throttle(SW_POWER_CAP, 22.0))
    first, second, third = seen(throttles=throttles)
    assert first[0] == []
    assert second[0] == ["throttled"]
    assert any("hardware thermal" in note for note in second[1])
    assert any("power brake" in note for note in second[1])
    assert third[0] == []
    assert third[2]["looks_at_power_limit"] >= 3


def test_a_card_that_reports_none_of_this_is_metered_all_the_same(seen):
    calls = (
        "nvmlDeviceGetCurrentClocksEventReasons",
        "nvmlDeviceGetCurrentClocksThrottleReasons",
        "nvmlDeviceGetComputeRunningProcesses",
        "nvmlDeviceGetTemperature",
    )
    for flags, notes, conditions in seen(faults=tuple(Fault(call) for call in calls)):
        assert (flags, notes) == ([], [])
        assert "temperature_max_c" not in conditions


# In the test's process


def test_in_a_container_one_process_is_taken_for_ours_and_more_are_foreign():
    assert foreign_pids([4_000_000], contained=True) == set()
    assert foreign_pids([4_000_000, 4_000_001], contained=True) == {4_000_000, 4_000_001}
    assert foreign_pids([], contained=True) == set()
    assert foreign_pids([4_000_000], contained=False) == {4_000_000}


class Seen:
    """An observer that has seen something by the end of a window."""

    def __init__(self, seen):
        self.seen, self.begun = seen, 0

    def begin(self):
        self.begun += 1

    def observe(self):
        return Observation()

    def end(self):
        return self.seen


@pytest.mark.parametrize(("share", "flagged"), [(0.02, False), (0.3, True)])
def test_others_load_on_a_metered_cpu_is_flagged(share, flagged):
    clock, observer = ManualClock(), Seen(Observation(cpu=CpuLoad(foreign_share=share, is_metered=True)))
    with (
        EnergyMeter(
            [Steady(clock, 50.0)], options=MeterOptions(clock=clock, sampling=False, observers=[observer])
        ) as meter,
        meter.window("train") as window,
    ):
        clock.sleep(5)
    assert observer.begun == 1
    assert (Flag.FOREIGN_PROCESS in window.measurement.flags) == flagged
    assert window.measurement.conditions["foreign_cpu_share"] == share


@pytest.mark.parametrize(("drift", "flagged"), [(None, False), (-0.2, False), (0.3, True), (-0.3, True)])
def test_a_machine_that_changes_during_a_window_is_flagged(drift, flagged):
    clock, observer = ManualClock(), Seen(Observation(reference=ReferenceDrift(drift)))
    options = MeterOptions(clock=clock, sampling=False, observers=[observer])
    with EnergyMeter([Steady(clock, 50.0)], options=options) as meter, meter.window("train") as window:
        clock.sleep(5)
    measured = window.measurement
    assert (Flag.REFERENCE_DRIFT in measured.flags) == flagged
    assert any(f"{drift:+.0%}" in note for note in measured.notes) if flagged else measured.notes == ()
    assert measured.conditions.get("reference_drift") == drift


def test_each_window_on_a_cpu_is_checked_against_the_reference_kernel():
    with EnergyMeter.for_device("cpu") as meter:
        for name in ("train", "evaluate"):
            with meter.window(name) as window:
                pass
            assert window.measurement.conditions["reference_drift"] > -1


def test_load_is_observed_whether_rapl_reads_the_cpu_or_it_is_estimated(tmp_path):
    for expected in ({Flag.BUSY_MACHINE}, {Flag.BUSY_MACHINE, Flag.FOREIGN_PROCESS}):
        (observer,) = [item for item in discover("cpu", powercap=tmp_path).observers if isinstance(item, CpuObserver)]
        while (seen := observer.end().cpu).foreign_share is None:
            sum(range(10**5))
        assert 0 <= seen.foreign_share <= 1
        assert CpuLoad(foreign_share=0.3, is_metered=seen.is_metered).flags == expected
        add_zone(tmp_path / "intel-rapl:0", "package-0")


def test_without_observers_nothing_is_observed():
    observed = WindowObservations()
    observed.begin()
    assert (observed.flags, observed.notes, observed.conditions) == (frozenset(), (), {})
