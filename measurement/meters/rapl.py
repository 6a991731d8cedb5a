"""RAPL: the energy counters of CPU packages and DRAM, through Linux's powercap tree.

Zones overlap: psys ⊃ package ⊃ core and uncore; DRAM is separate. Only packages and DRAM are read, so that nothing is
counted twice. Format: https://docs.kernel.org/power/powercap/powercap.html
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from measurement.errors import MeterFailure
from measurement.meters.base import Kind
from measurement.vocabulary import Source

POWERCAP_ROOT = Path("/sys/class/powercap")

PERMISSION_REMEDY = (
    "let the worker's user read the counters: `sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj "
    "/sys/class/powercap/intel-rapl:*/intel-rapl:*/energy_uj` until the next boot, or for good a udev rule: "
    'ACTION=="add", SUBSYSTEM=="powercap", RUN+="/bin/chmod a+r /sys%p/energy_uj"; or '
    "give the process CAP_DAC_READ_SEARCH"
)
ABSENT_REMEDY = (
    "no RAPL counters found on this machine: load the kernel module (`sudo modprobe intel_rapl_msr`), and in a "
    "container mount /sys/class/powercap and /sys/devices/virtual/powercap read-only; "
    "virtual machines seldom have them"
)

# `intel-rapl-mmio:0` shows package 0 a second time and must not be added to `intel-rapl:0`.
_ZONE = re.compile(r"^intel-rapl:\d+(:\d+)*$")
_PACKAGE = re.compile(r"^package-(\d+)(?:-die-(\d+))?$")


@dataclass(frozen=True, slots=True)
class RaplZone:
    """One package's or DRAM's counter (an EnergyCounter). `range_mj` is None if the zone doesn't state it."""

    path: Path
    name: str
    kind: Kind
    range_mj: float | None
    update_period_s: float = 0.001
    sample_period_s: float = 0.05

    @property
    def source(self) -> Source:
        return Source.RAPL

    def read_mj(self) -> float | None:
        """Millijoules now; None if the file is gone, empty or not readable by this user. Raises MeterFailure."""
        try:
            text = (self.path / "energy_uj").read_text("ascii").strip()
            return int(text) / 1000 if text else None
        except (FileNotFoundError, PermissionError):
            return None
        except OSError as error:
            if error.errno in (errno.ENODATA, errno.ENODEV, errno.ENXIO):
                return None
            raise MeterFailure(f"can't read {self.path / 'energy_uj'}: {error.strerror}; see dmesg") from None
        except ValueError:
            raise MeterFailure(f"{self.path / 'energy_uj'} does not hold a whole number of microjoules") from None


@dataclass(frozen=True, slots=True)
class RaplZones:
    """The zones that can be read, and what is wrong with those that can't (one remedy for each)."""

    readable: tuple[RaplZone, ...]
    unreadable: tuple[RaplZone, ...] = ()
    remedy: str | None = None

    def of_kind(self, kind: Kind) -> tuple[RaplZone, ...]:
        """All zones of `kind`, or none if one of them can't be read: half the sockets are not the machine."""
        if any(zone.kind == kind for zone in self.unreadable):
            return ()
        return tuple(zone for zone in self.readable if zone.kind == kind)


def find_zones(root: Path = POWERCAP_ROOT) -> RaplZones:
    """Package and DRAM zones under `root`, each once, even if the tree links to it several times. Never raises."""
    readable: list[RaplZone] = []
    unreadable: list[RaplZone] = []
    for zone in _energy_zones(root):
        try:
            available = zone.read_mj() is not None
        except MeterFailure:
            available = False
        (readable if available else unreadable).append(zone)
    remedy = PERMISSION_REMEDY if unreadable else (None if readable else ABSENT_REMEDY)
    return RaplZones(tuple(readable), tuple(unreadable), remedy)


def _energy_zones(root: Path) -> Iterator[RaplZone]:
    folders = _folders(root)
    for zone_id in sorted(folders, key=lambda zone: [int(number) for number in zone.split(":")[1:]]):
        label = _text(folders[zone_id] / "name") or ""
        if found := _PACKAGE.match(label):
            yield _zone(folders[zone_id], "cpu", found)
        elif label == "dram":
            parent = folders.get(zone_id.rpartition(":")[0])
            found = _PACKAGE.match((_text(parent / "name") or "") if parent else "")
            yield _zone(folders[zone_id], "dram", found, zone_id)


def _folders(root: Path) -> dict[str, Path]:
    """Zone id to folder. /sys/class/powercap lists all zones flat, and each folder holds its subzones again."""
    found: dict[str, Path] = {}
    waiting = [root]
    while waiting:
        try:
            entries = sorted(waiting.pop().iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.name not in found and (_ZONE.match(entry.name) or entry.name == "intel-rapl"):
                found[entry.name] = entry
                waiting.append(entry)
    found.pop("intel-rapl", None)
    return found


def _zone(path: Path, kind: Kind, package: re.Match[str] | None, zone_id: str = "") -> RaplZone:
    if package:
        suffix = package[1] + (f"_die{package[2]}" if package[2] else "")
    else:
        suffix = "_" + "_".join(zone_id.split(":")[1:])
    range_uj = _text(path / "max_energy_range_uj")
    known = range_uj is not None and range_uj.isdigit() and int(range_uj) > 0
    return RaplZone(path, f"{kind}{suffix}", kind, int(range_uj) / 1000 if known and range_uj else None)


def _text(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return None
