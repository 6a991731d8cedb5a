"""A catalogue in memory: its tables, and look-ups in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from catalogue.faults import Fault, Place
from catalogue.rows import Energy, Model, Power, Throughput, Training
from catalogue.settings import Boards, Source, read_boards, read_sources
from catalogue.tables import read_table

IMAGENET = Path(__file__).parent / "imagenet-1k"

Throughputs = dict[tuple[str, str, str], dict[int, Throughput]]


@dataclass(frozen=True)
class Catalogue:
    """What the files of one folder say. Lists keep the order of the files."""

    boards: Boards
    models: list[Model]
    trainings: list[Training]
    throughputs: list[Throughput]
    energies: list[Energy]
    power: dict[str, Power]
    sources: dict[str, Source]
    source_places: dict[str, Place] = field(default_factory=dict)

    @cached_property
    def trainings_of(self) -> dict[str, list[Training]]:
        """The rows of each model."""
        grouped: dict[str, list[Training]] = defaultdict(list)
        for row in self.trainings:
            grouped[row.model].append(row)
        return dict(grouped)

    @cached_property
    def throughputs_of(self) -> Throughputs:
        """By hardware, kind and architecture, then by image size in pixels."""
        grouped: Throughputs = defaultdict(dict)
        for row in self.throughputs:
            grouped[row.hardware, row.kind, row.architecture][row.resolution] = row
        return dict(grouped)

    @cached_property
    def metered(self) -> dict[tuple[str, str], list[Energy]]:
        """Energies by hardware and what they are of."""
        grouped: dict[tuple[str, str], list[Energy]] = defaultdict(list)
        for row in self.energies:
            grouped[row.hardware, row.what].append(row)
        return dict(grouped)

    @cached_property
    def gmacs_of(self) -> dict[str, dict[int, float]]:
        """Billions of multiply-accumulates an image, by architecture and image size."""
        grouped: dict[str, dict[int, float]] = defaultdict(dict)
        for row in self.models:
            grouped[row.architecture][row.resolution] = row.gmacs
        return dict(grouped)


def read(folder: Path | None = None) -> tuple[Catalogue | None, list[Fault]]:
    """The catalogue in `folder` and everything in its files that can't be taken; None without usable boards."""
    folder = folder or IMAGENET
    faults: list[Fault] = []
    boards = read_boards(folder / "boards.yaml", faults)
    listed = read_sources(folder / "sources.yaml", faults)
    models = read_table(folder / "models.csv", Model, faults)
    trainings = read_table(folder / "trainings.csv", Training, faults)
    files = sorted((folder / "throughputs").glob("*.csv"))
    throughputs = [row for path in files for row in read_table(path, Throughput, faults)]
    energies = read_table(folder / "energies.csv", Energy, faults)
    power = read_table(folder / "power.csv", Power, faults)
    if boards is None:
        return None, faults
    return Catalogue(
        boards=boards,
        models=models,
        trainings=trainings,
        throughputs=throughputs,
        energies=energies,
        power=_by_hardware(power, faults),
        sources={name: source for name, (_, source) in listed.items()},
        source_places={name: place for name, (place, _) in listed.items()},
    ), faults


@cache
def source_addresses(folder: Path | None = None) -> frozenset[str]:
    """The addresses of all sources: of the catalogue's figures, and of those that recipes report."""
    folder = folder or IMAGENET
    listed = [read_sources(folder / name, []) for name in ("sources.yaml", "evidence.yaml")]
    return frozenset(source.address for sources in listed for _, source in sources.values())


def nearest(sizes: Iterable[int], wanted_px: int) -> int:
    """The size whose area is closest by ratio."""
    return min(sizes, key=lambda px: (abs(px - wanted_px) / max(px, wanted_px), px))


def _by_hardware(rows: list[Power], faults: list[Fault]) -> dict[str, Power]:
    found: dict[str, Power] = {}
    for row in rows:
        if row.hardware in found:
            first = found[row.hardware].place.line
            faults.append(Fault(row.place, "hardware", f"{row.hardware!r} is in line {first} too; keep one"))
        found.setdefault(row.hardware, row)
    return found
