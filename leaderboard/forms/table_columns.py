"""The table's columns: what they are called, how wide they are, and which are shown by default.

`static/leaderboard/` reads them from the table's head, so that they are defined only here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `hint` is its help, one sentence; `term` the term of the glossary that says more. `width` is a CSS
    grid track; `is_best_high` sorts from the top down at first.

    `order_by`: the ranking that the column belongs to. It is shown with that one alone, and can't be chosen;
    a column that `needs_price` is shown while there is a price of electricity.
    """

    key: str
    label: str
    hint: str
    width: str
    is_number: bool = False
    is_default: bool = True
    is_best_high: bool = False
    order_by: str = ""
    term: str = "entry"
    needs_price: bool = False

    @property
    def follows(self) -> bool:
        """Whether the column is shown because of something else, and can't be chosen."""
        return bool(self.order_by) or self.needs_price


COLUMNS = (
    Column(
        "rank",
        "Rank",
        "The entry's place; 2–4 means that it may have any of these places within the uncertainty.",
        "4.75rem",
        term="rank",
    ),
    Column(
        "method",
        "Method",
        "What was submitted or published, with its source; the name leads to everything that is known of it.",
        "minmax(10rem, 1.6fr)",
    ),
    Column(
        "family",
        "Family",
        "What kind of method made the model, such as pruning or distillation.",
        "9.5rem",
        is_default=False,
        term="family",
    ),
    Column(
        "quality",
        "Quality",
        "How well the model does on the track's test set, by the track's metric.",
        "4.5rem",
        is_number=True,
        is_best_high=True,
        term="quality",
    ),
    Column(
        "quality_by",
        "Quality by",
        "Who evaluated the quality; evaluated means this site's worker, on the weights that the recipe trained.",
        "6rem",
        is_default=False,
        term="quality",
    ),
    Column(
        "greenness",
        "Greenness",
        "Quality to the power τ over full-cycle energy, as a percentage of the greenest entry's.",
        "5.5rem",
        is_number=True,
        is_best_high=True,
        order_by="greenness",
        term="greenness",
    ),
    Column(
        "energy",
        "Full-cycle energy",
        "The energy of one-time phases and all images; ± is the repeatability at 95 % coverage, a dash if unknown.",
        "6.25rem",
        is_number=True,
        term="full-cycle energy",
    ),
    Column(
        "phases",
        "Phases",
        "How the energy is divided among the phases; sorts by the one-time share.",
        "minmax(5rem, 1fr)",
        term="phase",
    ),
    Column(
        "one_time",
        "One-time",
        "The energy of all phases before the first use.",
        "5rem",
        is_number=True,
        term="one-time energy",
    ),
    Column(
        "per_image",
        "Per image",
        "The energy of one image in the chosen scenario.",
        "5rem",
        is_number=True,
        term="inference energy",
    ),
    Column(
        "carbon",
        "Carbon",
        "The CO₂-equivalent of the full-cycle energy, for the chosen grid and PUE.",
        "5rem",
        is_number=True,
        term="carbon",
    ),
    Column(
        "provenance",
        "Provenance",
        "Where the least trusted figure comes from: metered, extrapolated, reported, estimated or missing.",
        "7rem",
        term="provenance",
    ),
    Column(
        "cost",
        "Cost",
        "What the full-cycle energy costs at the chosen price and PUE.",
        "6rem",
        is_number=True,
        needs_price=True,
        term="cost",
    ),
    Column(
        "metered",
        "Metered",
        "How much of the full-cycle energy was read from an energy meter.",
        "4.5rem",
        is_number=True,
        is_best_high=True,
        term="provenance",
    ),
    Column(
        "parameters",
        "Parameters",
        "How many parameters the final model has.",
        "5.75rem",
        is_number=True,
        is_default=False,
    ),
    Column(
        "macs",
        "MACs",
        "Multiply-accumulate operations for one image.",
        "5rem",
        is_number=True,
        is_default=False,
        term="MACs",
    ),
    Column(
        "latency",
        "Latency",
        "The median time for one batch.",
        "5rem",
        is_number=True,
        is_default=False,
        term="latency",
    ),
)
BY_KEY = {column.key: column for column in COLUMNS}
ALWAYS = "method"
CHOICES = tuple(column.key for column in COLUMNS if not column.follows)
DEFAULT = tuple(column.key for column in COLUMNS if column.is_default and not column.follows)
# Columns that a card on a phone shows large, outside its list of figures.
_LARGE = {"rank", "method", "energy", "phases"}


def visible(chosen: Sequence[str], order_by: str, *, has_price: bool) -> tuple[str, ...]:
    """Keys of the chosen columns, of the ranking's own and of a price's, in the table's order."""
    following = {
        column.key
        for column in COLUMNS
        if column.follows and column.order_by in ("", order_by)
        if has_price or not column.needs_price
    }
    return tuple(column.key for column in COLUMNS if column.key in following or column.key in chosen)


def widths(chosen: Sequence[str]) -> str:
    """The tracks of a grid with the chosen columns, and the number of figures that a card lists: for a style."""
    tracks = " ".join(BY_KEY[key].width for key in chosen)
    return f"--columns: {tracks}; --figures: {len(set(chosen) - _LARGE)}"
