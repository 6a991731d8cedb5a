"""The meter over a powercap tree that counts known power: exact joules through wraps and nesting, or a refusal."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from measurement.meters import EnergyMeter
from measurement.meters.discovery import discover
from measurement.meters.options import MeterOptions
from measurement.meters.rapl import RaplZone, find_zones
from measurement.vocabulary import Provenance, Scope, Source
from tests.simulated.clock import AbsoluteClock, VirtualClock
from tests.simulated.powercap import SMALL_RANGE_UJ, PowercapTree, amd_desktop, as_nobody, intel_server
from tests.simulated.profiles import Profile

PACKAGE = Profile.square(60, 180, 1.7, duty=0.4)
DRAM = Profile.triangle(5, 15, 3)


@pytest.fixture
def clock(tmp_path):
    return VirtualClock(tmp_path / "clock", 500.0)


def tree_of(zones, root, clock):
    tree = PowercapTree(root, zones, clock.now_s)
    clock.listeners.append(tree.update)
    return tree


def meter_over(tree, clock):
    return EnergyMeter(
        find_zones(tree.folder).readable, options=MeterOptions(device="cpu", clock=clock, sampling=False)
    )


def spend(meter, clock, seconds, poll_s):
    for _ in range(round(seconds / poll_s)):
        clock.sleep(poll_s)
        meter.sample()


def measured_over(tree, clock, seconds, poll_s):
    with meter_over(tree, clock) as meter:
        clock.sleep(0.37)
        with meter.window("train") as window:
            spend(meter, clock, seconds, poll_s)
    return window.measurement


def test_packages_and_dram_count_once_and_exactly(tmp_path, clock):
    tree = tree_of(intel_server(PACKAGE, DRAM), tmp_path, clock)
    measured = measured_over(tree, clock, 20, 0.05)
    edges = measured.started_s, measured.ended_s
    packages_j, drams_j = tree.energy_j("package", *edges), tree.energy_j("dram", *edges)
    assert measured.energies[Scope.ACCELERATOR].energy_j == pytest.approx(packages_j, abs=0.001)
    assert measured.energies[Scope.SYSTEM].energy_j == pytest.approx(packages_j + drams_j, abs=0.001)
    assert measured.energies[Scope.SYSTEM].provenance == Provenance.METERED


def test_wraps_that_are_polled_lose_nothing(tmp_path, clock):
    nearly = SMALL_RANGE_UJ - 2_000_000
    zones = intel_server(Profile.constant(400), DRAM, range_uj=SMALL_RANGE_UJ, start_uj=nearly)
    tree = tree_of(zones, tmp_path, clock)
    measured = measured_over(tree, clock, 500, 1.0)
    true_j = tree.energy_j("package", measured.started_s, measured.ended_s)
    assert true_j > 6 * SMALL_RANGE_UJ / 1e6
    assert measured.energies[Scope.ACCELERATOR].energy_j == pytest.approx(true_j, abs=0.001)


def test_two_wraps_between_two_polls_are_refused(tmp_path, clock):
    tree = tree_of(amd_desktop(Profile.constant(200), range_uj=SMALL_RANGE_UJ), tmp_path, clock)
    measured = measured_over(tree, clock, 700, 700)
    assert measured.energies[Scope.ACCELERATOR].energy_j is None
    assert measured.energies[Scope.ACCELERATOR].provenance == Provenance.MISSING
    assert "unseen" in measured.notes[0]


def test_a_wrap_of_unknown_range_is_refused(tmp_path, clock):
    tree = tree_of(amd_desktop(PACKAGE, range_uj=None, start_uj=5_000_000), tmp_path, clock)
    with meter_over(tree, clock) as meter, meter.window("train") as window:
        spend(meter, clock, 5, 0.05)
        tree.start_s = clock.now_s  # counts from its start again
        spend(meter, clock, 5, 0.05)
    assert window.measurement.energies[Scope.ACCELERATOR].energy_j is None


def test_amd_counts_its_package_and_not_the_cores_within(tmp_path, clock):
    tree = tree_of(amd_desktop(PACKAGE), tmp_path, clock)
    found = discover("cpu", clock, powercap=tree.folder)
    assert found.sources(Scope.ACCELERATOR) == (Source.RAPL,)
    assert found.provenance(Scope.SYSTEM) == Provenance.ESTIMATED
    measured = measured_over(tree, clock, 10, 0.05)
    true_j = tree.energy_j("package", measured.started_s, measured.ended_s)
    assert measured.energies[Scope.ACCELERATOR].energy_j == pytest.approx(true_j, abs=0.001)


def test_an_unreadable_dram_zone_leaves_the_packages_metered_and_the_system_estimated(clock):
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    try:
        zones = [
            zone
            if zone.path != "intel-rapl:1/intel-rapl:1:0"
            else zone.__class__(zone.path, zone.name, DRAM, readable=False)
            for zone in intel_server(PACKAGE, DRAM)
        ]
        tree = tree_of(zones, root, clock)
        with as_nobody():
            found = discover("cpu", clock, powercap=tree.folder)
        assert found.provenance(Scope.ACCELERATOR) == Provenance.METERED
        assert found.provenance(Scope.SYSTEM) == Provenance.ESTIMATED
        assert "chmod" in found.remedies["dram"]
    finally:
        shutil.rmtree(root)


class UpToDate:
    """A counter whose file is written when it is read: one that a thread keeps writing is late on a busy machine."""

    def __init__(self, counter: RaplZone, tree: PowercapTree) -> None:
        self._counter, self._tree, self._lock = counter, tree, Lock()

    def read_mj(self) -> float | None:
        with self._lock:
            self._tree.update(time.monotonic())
            return self._counter.read_mj()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._counter, name)


def test_in_real_time_with_its_own_thread_the_meter_counts_what_was_spent(tmp_path):
    clock = AbsoluteClock()
    tree = PowercapTree(tmp_path, amd_desktop(Profile.square(40, 160, 0.3)), time.monotonic())
    counters = [UpToDate(zone, tree) for zone in find_zones(tree.folder).readable]
    with (
        EnergyMeter(counters, options=MeterOptions(device="cpu", clock=clock)) as meter,
        meter.window("train") as window,
    ):
        time.sleep(1.2)
    measured = window.measurement
    true_j = tree.energy_j("package", measured.started_s, measured.ended_s)
    # A busy machine may come between a reading and its time, for some milliseconds at either edge.
    assert measured.energies[Scope.ACCELERATOR].energy_j == pytest.approx(true_j, rel=0.1)
