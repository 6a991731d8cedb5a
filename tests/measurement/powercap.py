"""A powercap tree in a folder, as Linux lays it out: zones listed flat, each also holding its subzones."""

from __future__ import annotations

from pathlib import Path

RANGE_UJ = 262_143_328_850


def add_zone(folder: Path, name: str, energy_uj: int = 0, range_uj: int | None = RANGE_UJ) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    if range_uj is not None:
        (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return folder


def tree(root: Path) -> Path:
    """A machine of two sockets with DRAM, the first with core, and psys; all in `root`/class/powercap."""
    devices, flat = root / "devices" / "intel-rapl", root / "class" / "powercap"
    flat.mkdir(parents=True)
    devices.mkdir(parents=True)
    (flat / "intel-rapl").symlink_to(devices)
    for zone_id, name in (
        ("intel-rapl:0", "package-0"),
        ("intel-rapl:0/intel-rapl:0:0", "core"),
        ("intel-rapl:0/intel-rapl:0:1", "dram"),
        ("intel-rapl:1", "package-1"),
        ("intel-rapl:1/intel-rapl:1:0", "dram"),
        ("intel-rapl:2", "psys"),
    ):
        add_zone(devices / zone_id, name, 1_000_000)
        (flat / zone_id.rpartition("/")[2]).symlink_to(devices / zone_id)
    mmio = add_zone(root / "devices" / "intel-rapl-mmio:0", "package-0", 1_000_000)
    (flat / "intel-rapl-mmio:0").symlink_to(mmio)
    return flat


def spend(zone: Path, energy_uj: int) -> None:
    """The zone's counter counts on by so much, through its wrap."""
    before = int((zone / "energy_uj").read_text())
    range_uj = int((zone / "max_energy_range_uj").read_text())
    (zone / "energy_uj").write_text(f"{(before + energy_uj) % range_uj}\n")
