"""What is wrong with a catalogue, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong; `field` is empty if it is the line or the file as a whole."""

    place: Place
    field: str
    message: str

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        return f"{self.place.file}:{self.place.line}: {field}{self.message}"


class CatalogueError(ValueError):
    """A catalogue that can't be taken, with every fault found in it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)
