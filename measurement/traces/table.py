"""A power log as a table: rows of cells under titles, and what is known of the program that wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from measurement.errors import BadInput
from measurement.traces.cells import Place
from measurement.traces.units import Title


class Holds(Enum):
    """What a row's value is of."""

    AFTER = "the power from its time until the next row"
    MEAN_BEFORE = "the mean power since the row before it"
    ENERGY_BEFORE = "the joules since the row before it"


@dataclass(frozen=True, slots=True)
class Program:
    """What is known of the program that wrote a log.

    prefer: its power columns, best first; each but the last is passed over if a device has no reading in it.
    scopes: what each column's joules cover, by its name. time_unit: of a numeric time without one.
    """

    name: str = ""
    prefer: tuple[str, ...] = ()
    scopes: Mapping[str, str] = field(default_factory=dict)
    time_unit: str = ""
    holds: Holds = Holds.AFTER
    starts_at_zero: bool = False
    advice: str = "name the power column power_w and the time column timestamp_s"
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Table:
    """Rows of cells, each with its line. A column is known by its position: titles may be alike."""

    path: Path
    titles: list[Title]
    rows: list[tuple[int, list[str]]]
    header_line: int = 1
    notes: list[str] = field(default_factory=list)
    program: Program = field(default_factory=Program)
    noun: str = "line"

    @property
    def names(self) -> list[str]:
        """The columns' names, in order."""
        return [title.name for title in self.titles]

    def at(self, name: str) -> int | None:
        """The position of the column of this name, None if there is none."""
        return next((at for at, title in enumerate(self.titles) if title.name == name), None)

    def cells(self, at: int) -> list[str]:
        """The cells of the column at this position."""
        return [row[at] for _, row in self.rows]

    def place(self, line: int, at: int | None = None) -> Place:
        """The place of a line, or of its cell in the column at this position."""
        return Place(self.path, f"{self.noun} {line}", "" if at is None else self.titles[at].name)

    def fault(self, what: str) -> BadInput:
        """A fault of the header, or of the columns of a file that has none."""
        if self.noun == "row":
            return BadInput(f"{self.path}: {what}", field="trace")
        return self.place(self.header_line).fault(what)
