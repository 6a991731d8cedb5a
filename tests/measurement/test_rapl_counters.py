"""RAPL is read from a powercap tree: each package and DRAM once, through wraps, never their parts or wholes."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from measurement.errors import MeterFailure
from measurement.meters import EnergyMeter
from measurement.meters.discovery import discover
from measurement.meters.options import MeterOptions
from measurement.meters.rapl import find_zones
from measurement.meters.replay import ManualClock
from measurement.vocabulary import Provenance, Scope, Source
from tests.measurement.powercap import RANGE_UJ, add_zone, spend, tree


@contextmanager
def as_another_user():
    """Root reads every file; become nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def meter_over(root, clock):
    return EnergyMeter(find_zones(root).readable, options=MeterOptions(device="cpu", clock=clock, sampling=False))


def test_packages_and_dram_are_found_once_and_nothing_else(tmp_path):
    zones = find_zones(tree(tmp_path))
    assert [(zone.name, zone.kind) for zone in zones.readable] == [
        ("cpu0", "cpu"),
        ("dram0", "dram"),
        ("cpu1", "cpu"),
        ("dram1", "dram"),
    ]
    assert zones.unreadable == ()
    assert zones.remedy is None
    assert {zone.range_mj for zone in zones.readable} == {RANGE_UJ / 1000}


def test_zones_that_are_only_nested_are_found_too(tmp_path):
    add_zone(tmp_path / "intel-rapl" / "intel-rapl:0", "package-0")
    add_zone(tmp_path / "intel-rapl" / "intel-rapl:0" / "intel-rapl:0:0", "dram")
    assert [zone.name for zone in find_zones(tmp_path).readable] == ["cpu0", "dram0"]


def test_dies_of_one_package_are_distinguished(tmp_path):
    add_zone(tmp_path / "intel-rapl:0", "package-0-die-0")
    add_zone(tmp_path / "intel-rapl:1", "package-0-die-1")
    assert [zone.name for zone in find_zones(tmp_path).readable] == ["cpu0_die0", "cpu0_die1"]


def test_a_window_sums_packages_and_dram_per_scope(tmp_path):
    root, clock = tree(tmp_path), ManualClock()
    with meter_over(root, clock) as meter, meter.window("train") as window:
        clock.sleep(10)
        spend(root / "intel-rapl:0", 300_000_000)
        spend(root / "intel-rapl:1", 200_000_000)
        spend(root / "intel-rapl:0:1", 40_000_000)
        spend(root / "intel-rapl:2", 999_000_000)
    energies = window.measurement.energies
    assert energies[Scope.ACCELERATOR].energy_j == pytest.approx(500)
    assert energies[Scope.SYSTEM].energy_j == pytest.approx(540)
    assert energies[Scope.SYSTEM].provenance == Provenance.METERED
    assert energies[Scope.SYSTEM].sources == (Source.RAPL,)


def test_wraps_are_counted_modulo_the_range(tmp_path):
    clock = ManualClock()
    zone = add_zone(tmp_path / "intel-rapl:0", "package-0", RANGE_UJ - 5_000_000)
    with meter_over(tmp_path, clock) as meter, meter.window("train") as window:
        for _ in range(40):
            clock.sleep(60)
            spend(zone, RANGE_UJ // 20)
            meter.sample()
    expected = 40 * (RANGE_UJ // 20) / 1e6
    assert window.measurement.energies[Scope.ACCELERATOR].energy_j == pytest.approx(expected)


def test_a_reset_is_not_taken_for_a_wrap(tmp_path):
    clock = ManualClock()
    zone = add_zone(tmp_path / "intel-rapl:0", "package-0", 100_000_000_000)
    with meter_over(tmp_path, clock) as meter, meter.window("train") as window:
        clock.sleep(1)
        (zone / "energy_uj").write_text("5000000\n")
        meter.sample()
        clock.sleep(1)
    assert window.measurement.energies[Scope.ACCELERATOR].energy_j is None
    assert "it was reset" in window.measurement.notes[0]


def test_a_step_back_without_a_known_range_makes_the_window_missing(tmp_path):
    clock = ManualClock()
    zone = add_zone(tmp_path / "intel-rapl:0", "package-0", 5_000_000, range_uj=None)
    with meter_over(tmp_path, clock) as meter:
        with meter.window("train") as window:
            clock.sleep(1)
            (zone / "energy_uj").write_text("1000000\n")
        with meter.window("finetune") as next_window:
            clock.sleep(1)
            (zone / "energy_uj").write_text("4000000\n")
    broken = window.measurement.energies[Scope.ACCELERATOR]
    assert (broken.energy_j, broken.provenance) == (None, Provenance.MISSING)
    assert "stepped back" in window.measurement.notes[0]
    assert next_window.measurement.energies[Scope.ACCELERATOR].energy_j == pytest.approx(3)


def test_a_counter_that_was_not_read_for_long_may_have_wrapped_unseen(tmp_path):
    clock = ManualClock()
    add_zone(tmp_path / "intel-rapl:0", "package-0", 5_000_000)
    with meter_over(tmp_path, clock) as meter, meter.window("train") as window:
        clock.sleep(3600)
    assert window.measurement.energies[Scope.ACCELERATOR].energy_j is None
    assert "unseen" in window.measurement.notes[0]


def test_an_unreadable_counter_is_not_available_and_the_remedy_is_given(open_folder):
    root = tree(open_folder)
    (root / "intel-rapl:1" / "energy_uj").chmod(0o000)
    with as_another_user():
        zones = find_zones(root)
        assert zones.unreadable[0].read_mj() is None
    assert [zone.name for zone in zones.unreadable] == ["cpu1"]
    assert "chmod" in zones.remedy
    assert zones.of_kind("cpu") == ()
    assert len(zones.of_kind("dram")) == 2


def test_a_machine_with_one_unreadable_package_is_estimated_not_half_metered(open_folder):
    root = tree(open_folder)
    (root / "intel-rapl:1" / "energy_uj").chmod(0o000)
    with as_another_user():
        found = discover("cpu", powercap=root)
    assert found.provenance(Scope.ACCELERATOR) == Provenance.ESTIMATED
    assert found.sources(Scope.SYSTEM) == (Source.RAPL, Source.CPU_ESTIMATE)
    assert found.provenance(Scope.SYSTEM) == Provenance.ESTIMATED
    assert "chmod" in found.remedies["cpu"]


def test_packages_without_dram_are_metered_alone_and_estimated_together(tmp_path):
    add_zone(tmp_path / "intel-rapl:0", "package-0")
    found = discover("cpu", powercap=tmp_path)
    assert found.provenance(Scope.ACCELERATOR) == Provenance.METERED
    assert found.provenance(Scope.SYSTEM) == Provenance.ESTIMATED
    found.require_metered()


def test_a_counter_that_vanishes_is_missing_never_zero(tmp_path):
    clock = ManualClock()
    zone = add_zone(tmp_path / "intel-rapl:0", "package-0")
    with meter_over(tmp_path, clock) as meter, meter.window("train") as window:
        clock.sleep(1)
        (zone / "energy_uj").unlink()
    assert window.measurement.energies[Scope.ACCELERATOR].energy_j is None


def test_nonsense_in_a_counter_is_a_failure_that_names_the_file(tmp_path):
    zone = add_zone(tmp_path / "intel-rapl:0", "package-0")
    (counter,) = find_zones(tmp_path).readable
    (zone / "energy_uj").write_text("a lot\n")
    with pytest.raises(MeterFailure, match="intel-rapl:0/energy_uj"):
        counter.read_mj()


def test_no_tree_at_all_is_no_counter_with_a_remedy(tmp_path):
    zones = find_zones(tmp_path / "absent")
    assert zones.readable == ()
    assert "modprobe" in zones.remedy
