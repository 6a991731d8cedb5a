"""Which lines of a ranked board the table shows, in what order, and how many there would be with other filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import overload

import pyarrow as pa

from leaderboard.forms.table_view import View
from leaderboard.queries import RankedBoard, RankedEntry
from leaderboard.queries.sorting import sorted_lines


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
    ):
        kept = columns.matching(others).slice(0, leading)
        counted = columns.arrays[name].slice(0, leading).filter(kept).value_counts()
        found[name] = Counter({item["values"]: item["counts"] for item in counted.to_pylist()})
    return found
