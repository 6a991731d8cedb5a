"""Which lines of a ranked board the table shows, in what order, and how many there would be with other filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import overload

import pyarrow as pa
import pyarrow.compute as pc

from leaderboard.domain.running import RUN_AS
from leaderboard.forms.table_view import View
from leaderboard.queries import RankedBoard, RankedEntry
from leaderboard.queries.columns import UNCERTAINTIES
from leaderboard.queries.sorting import sorted_lines

LINES_IN_SCALE = 20


class Lines(Sequence[RankedEntry]):
    """A ranked board's lines in the order of a column, each made when it is read."""

    def __init__(self, ranked: RankedBoard, order: pa.Array) -> None:
        self._ranked, self._order = ranked, order

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> RankedEntry: ...
    @overload
    def __getitem__(self, index: slice) -> list[RankedEntry]: ...
    def __getitem__(self, index: int | slice) -> RankedEntry | list[RankedEntry]:
        if isinstance(index, int):
            return self[index : index + 1][0]
        return self._ranked.lines(self._order[index].to_pylist())


def in_order(ranked: RankedBoard, view: View) -> Sequence[RankedEntry]:
    """The lines as `view` sorts them."""
    if view.sort == View().sort or ranked.placing is None:
        return ranked.rows
    return Lines(ranked, sorted_lines(ranked.placing, view.sort_column, descending=view.is_descending))


def full_width_j(ranked: RankedBoard) -> float:
    """The joules that a bar of phases has at its full width: the most that any of the first lines has."""
    placing = ranked.placing
    if placing is None:
        return 0.0
    first = placing.order.slice(0, min(LINES_IN_SCALE, ranked.ranked_count or LINES_IN_SCALE))
    return pc.max(placing.energy_j.take(first)).as_py() or 0.0


@dataclass(frozen=True, slots=True)
class Same:
    """What all lines have in common, so that it is said once.

    is_estimated: the provenance of every line. is_unmetered: no joule of any line was metered. is_uncertain: no
    uncertainty is known of any line.
    """

    is_estimated: bool = False
    is_unmetered: bool = False
    is_uncertain: bool = False

    @property
    def left_out(self) -> set[str]:
        """The columns that would say the same in every line."""
        said = {"provenance": self.is_estimated, "metered": self.is_unmetered}
        return {column for column, is_said in said.items() if is_said}


def same(ranked: RankedBoard) -> Same:
    """What all lines have in common."""
    placing = ranked.placing
    if placing is None or len(placing) == 0:
        return Same()
    metered_j = pc.add(placing.stored("metered_shared_j"), placing.stored("metered_own_j"))
    is_metered = pc.or_(pc.greater(metered_j, 0.0), pc.equal(placing.stored("inference_provenance"), "metered"))
    is_estimated = pc.equal(placing.stored("provenance"), "estimated")
    known = [pc.greater(pc.fill_null(placing.stored(name), 0.0), 0.0) for name in UNCERTAINTIES]
    is_whole = reduce(pc.and_, (pc.is_valid(placing.stored(name)) for name in UNCERTAINTIES))
    is_certain = pc.and_(is_whole, reduce(pc.or_, known))
    return Same(pc.all(is_estimated).as_py(), not pc.any(is_metered).as_py(), not pc.any(is_certain).as_py())


def facets(ranked: RankedBoard) -> dict[str, Counter[str]]:
    """How many lines each value of a filter would have, were it chosen alone and all else as it is."""
    if ranked.columns is None:
        return {}
    columns, query = ranked.columns, ranked.query
    leading = columns.at_or_above(query.floor)
    found = {}
    for name, others in (
        ("family", query.on(families=())),
        ("provenance", query.on(provenance=())),
        ("source", query.on(source="")),
        ("quality_by", query.on(quality_by=())),
        *((name, query.on(**{name: ()})) for name in RUN_AS),
    ):
        kept = columns.matching(others).slice(0, leading)
        counted = columns.arrays[name].slice(0, leading).filter(kept).value_counts()
        found[name] = Counter({item["values"]: item["counts"] for item in counted.to_pylist() if item["values"]})
    return found
