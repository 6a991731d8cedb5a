"""The table's columns: what they are called, how wide they are, and which are shown by default.

`static/leaderboard/` reads them from the table's head, so that they are defined only here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    needs_price: bool = False
    term: str = "entry"

    @property
    def follows(self) -> bool:
        """Whether the column is shown because of something else, and can't be chosen."""
        return bool(self.order_by) or self.needs_price


COLUMNS = (
    Column(
        "rank",
        "Rank",
        "The entry's place; 2–4 means that it may have any of these places within the uncertainty.",
        "4.25rem",
        term="rank",
    ),
    Column(
        "method",
        "Method",
        "What was submitted or published, with its source; the name leads to everything that is known of it.",
        "minmax(10rem, 2fr)",
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
        "4.25rem",
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
        "5.75rem",
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
        "4.75rem",
        is_number=True,
        term="one-time energy",
    ),
    Column(
        "per_image",
        "Per image",
        "The energy of one image in the chosen scenario.",
        "4.75rem",
        is_number=True,
        term="inference energy",
    ),
    Column(
        "carbon",
        "Carbon",
        "The CO₂-equivalent of the full-cycle energy, for the chosen grid and PUE.",
        "4.5rem",
        is_number=True,
        term="carbon",
    ),
    Column(
        "provenance",
        "Provenance",
        "Where the least trusted figure comes from: metered, extrapolated, reported, estimated or missing.",
        "6.75rem",
        term="provenance",
    ),
    Column(
        "cost",
        "Cost",
        "What the full-cycle energy costs at the chosen price and PUE.",
        "7.25rem",
        is_number=True,
        needs_price=True,
        term="cost",
    ),
    Column(
        "metered",
        "Metered",
        "How much of the full-cycle energy was read from an energy meter.",
        "4.25rem",
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
    Column(
        "memory",
        "Memory",
        "The most memory that inference held at once, for one batch.",
        "5rem",
        is_number=True,
        is_default=False,
        term="memory",
    ),
)
BY_KEY = {column.key: column for column in COLUMNS}
ALWAYS = "method"
CHOICES = tuple(column.key for column in COLUMNS if not column.follows)
DEFAULT = tuple(column.key for column in COLUMNS if column.is_default and not column.follows)
# Columns that a card on a phone shows large, outside its list of figures.
_LARGE = {"rank", "method", "energy", "phases"}
# One column for each usage intensity that is ranked side by side, after all others.
AT_WIDTH = "5.25rem"
# Of the default columns left out next to those of other usages.
LEFT_OUT_AT = ("one_time", "per_image", "carbon", "metered")


def visible(
    chosen: Sequence[str],
    order_by: str,
    same: Collection[str] = (),
    *,
    has_price: bool,
    has_others: bool = False,
) -> tuple[str, ...]:
    """Keys of the chosen columns, of the ranking's own and of a price's, in the table's order.

    same: columns that would say the same in every line. has_others: ranks at other usage intensities are shown too.
    """
    following = {
        column.key
        for column in COLUMNS
        if column.follows and column.order_by in ("", order_by)
        if has_price or not column.needs_price
    }
    left_out = {*same, *(LEFT_OUT_AT if has_others and tuple(chosen) == DEFAULT else ())}
    wanted = ({*chosen} | following) - left_out
    return tuple(column.key for column in COLUMNS if column.key in wanted)


def widths(chosen: Sequence[str], others: int = 0) -> str:
    """The tracks of a grid with the chosen columns, and the number of figures that a card lists: for a style.

    others: how many other usage intensities are ranked next to the reader's.
    """
    tracks = " ".join([*(BY_KEY[key].width for key in chosen), *[AT_WIDTH] * others])
    return f"--columns: {tracks}; --figures: {len(set(chosen) - _LARGE)}; --others: {others}"
