"""What findings are written with: sections, tables, words and addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.findings import Model
from leaderboard.models import Board
from leaderboard.presentation.format import SPACE, UNKNOWN, count, number
from leaderboard.presentation.line_plot import Plot
from measurement.tracks import quality_floor

# What a cell says, with its address if it is a link.
Text = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. head: its cells name their rows."""

    name: str
    is_number: bool = True
    is_head: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What a table says in one place."""

    column: Column
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Figures as a table."""

    caption: str
    columns: tuple[Column, ...]
    rows: list[list[Cell]]

    @property
    def is_wide(self) -> bool:
        """Whether it needs the whole width of a page, and is a list of cards on a phone."""
        return len(self.columns) > 4


@dataclass(frozen=True, slots=True)
class Section:
    """A finding: its sentences, the view of the board that it is about, a table and, if it says more, a chart."""

    anchor: str
    title: str
    sentences: list[str]
    view: tuple[str, str]  # its words and its address
    table: Table | None = None
    plot: Plot | None = None
    notes: list[str] = field(default_factory=list)
    asks_floor: bool = False


def make_table(caption: str, columns: tuple[Column, ...], rows: list[list[Text]]) -> Table:
    """Rows of texts, or of (text, address)."""
    made = [
        [
            Cell(column, text) if isinstance(text, str) else Cell(column, *text)
            for column, text in zip(columns, row, strict=True)
        ]
        for row in rows
    ]
    return Table(caption, columns, made)


def view_address(board: Board, *, display: dict[str, str] | None = None, **changes: Any) -> str:
    """The address of a view of the board, with these parts of the query and of the display."""
    group = {"track": board.track, "hardware": board.hardware.slug, "scenario": board.scenario, "scope": board.scope}
    query = LeaderboardQuery().on(**group, **changes).at_floor_of(quality_floor(board.track))
    return f"{reverse('leaderboard')}?{urlencode(query.parameters() | (display or {}), doseq=True)}"


def entry_address(model: Model) -> str:
    return reverse("entry", args=[model.key])


def view_at(board: Board, usage_intensity: float, min_quality: float) -> str:
    return view_address(board, usage_intensity=usage_intensity, min_quality=min_quality)


def three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def tau(value: float | None) -> str:
    """A rank correlation with two digits: "0.44", "−0.10"."""
    return UNKNOWN if value is None else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def times(value: float | None) -> str:
    """A factor: "7.50 times"."""
    return UNKNOWN if value is None else f"{number(value)}{SPACE}times"


def complete_entries(models: int) -> str:
    return f"{count(models)} complete {'entry' if models == 1 else 'entries'}"


def reach(models: int) -> str:
    return "reaches" if models == 1 else "reach"


def listed(parts: list[str]) -> str:
    """Parts of a sentence: "a, b and c"."""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)
