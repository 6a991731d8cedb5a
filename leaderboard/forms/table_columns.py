"""The table's columns: what they are called, how wide they are, and which of them a reader sees unless he chooses.

`static/leaderboard/` reads them from the table's head, so that they stand here alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `width` is a CSS grid track; `is_best_high` sorts from the top down at first."""

    key: str
    label: str
    hint: str
    width: str
    is_number: bool = False
    is_default: bool = True
    is_best_high: bool = False


COLUMNS = (
    Column("rank", "Rank", "Two ranks, such as 2–4: within uncertainty the entry may have any of them", "4.75rem"),
    Column("method", "Method", "What was submitted", "minmax(10rem, 1.6fr)"),
    Column("family", "Family", "What kind of method it is", "9.5rem", is_default=False),
    Column("quality", "Quality", "On the track's test set", "4.5rem", is_number=True, is_best_high=True),
    Column(
        "energy",
        "Full-cycle energy",
        "One-time phases and all uses; ± is the repeatability at 95 % coverage, a dash where it is not known",
        "6.25rem",
        is_number=True,
    ),
    Column(
        "phases",
        "Phases",
        "What the energy goes to; sorted by the part spent before the first use",
        "minmax(5rem, 1fr)",
    ),
    Column("one_time", "One-time", "All that is spent before the first use", "5rem", is_number=True),
    Column("per_image", "Per image", "Joules for one image", "5rem", is_number=True),
    Column(
        "carbon",
        "Carbon",
        "CO₂-equivalent of the full-cycle energy, in the region and PUE chosen",
        "5rem",
        is_number=True,
    ),
    Column("provenance", "Provenance", "The weakest of all figures in the line", "7rem"),
    Column(
        "metered",
        "Metered",
        "How much of the full-cycle energy was metered",
        "4.5rem",
        is_number=True,
        is_best_high=True,
    ),
    Column("parameters", "Parameters", "Of the model that is used", "5.75rem", is_number=True, is_default=False),
    Column("macs", "MACs", "Multiply-accumulates for one image", "5rem", is_number=True, is_default=False),
    Column("latency", "Latency", "Median for one batch", "5rem", is_number=True, is_default=False),
)
BY_KEY = {column.key: column for column in COLUMNS}
ALWAYS = "method"
DEFAULT = tuple(column.key for column in COLUMNS if column.is_default)
# What a card on a phone writes large, not in its list of figures.
_LARGE = {"rank", "method", "energy", "phases"}


def widths(chosen: Sequence[str]) -> str:
    """The tracks of a grid with the chosen columns, and the number of figures that a card lists: for a style."""
    tracks = " ".join(BY_KEY[key].width for key in chosen)
    return f"--columns: {tracks}; --figures: {len(set(chosen) - _LARGE)}"
