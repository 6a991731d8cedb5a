"""A powercap tree whose counters count a profile's true joules, in virtual or in real time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.measurement.powercap import RANGE_UJ, add_zone
from tests.simulated.profiles import Profile

UNIT_UJ = 1e6 / 2**14
"""Microjoules of one count (61 µJ): the energy unit that most processors set in MSR_RAPL_POWER_UNIT."""

SMALL_RANGE_UJ = 65_532_610_987
"""The range of processors with an energy unit of 15.3 µJ: at 200 W it wraps every five and a half minutes."""


@dataclass(frozen=True)
class Zone:
    """A counter. `path` is its place in the tree (`intel-rapl:0/intel-rapl:0:1`), `name` what it calls itself."""

    path: str
    name: str
    profile: Profile
    range_uj: int | None = RANGE_UJ
    start_uj: int = 1_000_000
    readable: bool = True


def intel_server(package: Profile, dram: Profile, **options: Any) -> list[Zone]:
    """Two sockets of the same power, each with DRAM, the first with cores; psys over all; the mmio double."""
    whole = Profile.constant(1000.0)
    core = Profile.constant(1.0)
    zones = [
        Zone("intel-rapl:0", "package-0", package),
        Zone("intel-rapl:0/intel-rapl:0:0", "core", core),
        Zone("intel-rapl:0/intel-rapl:0:1", "dram", dram),
        Zone("intel-rapl:1", "package-1", package),
        Zone("intel-rapl:1/intel-rapl:1:0", "dram", dram),
        Zone("intel-rapl:2", "psys", whole),
        Zone("intel-rapl-mmio:0", "package-0", package),
    ]
    return [_with(zone, options) for zone in zones]


def amd_desktop(package: Profile, **options: Any) -> list[Zone]:
    """One socket under Intel's name, as Linux has it for AMD too: its cores inside it, no DRAM, no psys."""
    zones = [
        Zone("intel-rapl:0", "package-0", package),
        Zone("intel-rapl:0/intel-rapl:0:0", "core", Profile.constant(20.0)),
    ]
    return [_with(zone, options) for zone in zones]


def _with(zone: Zone, options: dict[str, Any]) -> Zone:
    return replace(zone, **options)


class PowercapTree:
    """The zones as Linux lays them out under `root`: real folders nested, and all of them listed flat by links.

    `folder` is what stands for /sys/class/powercap. `update(now_s)` writes what the counters stand at: call it, add
    it to a VirtualClock's listeners, or let `running()` do it in real time. Profiles begin at `start_s`.
    """

    def __init__(self, root: Path, zones: Sequence[Zone], start_s: float) -> None:
        self.zones, self.start_s = tuple(zones), start_s
        self.folder = root / "class" / "powercap"
        self._devices = root / "devices" / "intel-rapl"
        self.folder.mkdir(parents=True)
        self._devices.mkdir(parents=True)
        (self.folder / "intel-rapl").symlink_to(self._devices)
        for zone in self.zones:
            add_zone(self._devices / zone.path, zone.name, range_uj=zone.range_uj)
            (self.folder / zone.path.rpartition("/")[2]).symlink_to(self._devices / zone.path)
        self.update(start_s)

    def update(self, now_s: float) -> None:
        for zone in self.zones:
            spent_uj = 1e6 * zone.profile.energy_j(0, now_s - self.start_s)
            counted_uj = zone.start_uj + int(int(spent_uj / UNIT_UJ) * UNIT_UJ)
            folder = self._devices / zone.path
            fresh = folder / ".energy_uj"
            fresh.write_text(f"{counted_uj % zone.range_uj if zone.range_uj else counted_uj}\n")
            fresh.chmod(0o444 if zone.readable else 0o000)
            fresh.replace(folder / "energy_uj")  # at once, so that no reader finds half a number

    @contextmanager
    def running(self, refresh_s: float = 0.002) -> Iterator[None]:
        """Counters count by CLOCK_MONOTONIC while the body runs; `start_s` is a time of that clock."""
        done = threading.Event()

        def follow() -> None:
            while not done.wait(refresh_s):
                self.update(time.monotonic())

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def energy_j(self, name: str, from_s: float, until_s: float) -> float:
        """True joules of all zones that begin with `name`, such as `package` or `dram`, the mmio double left out."""
        return sum(
            zone.profile.energy_j(from_s - self.start_s, until_s - self.start_s)
            for zone in self.zones
            if zone.name.startswith(name) and "mmio" not in zone.path
        )


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root reads every file, so become nobody for a while where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
