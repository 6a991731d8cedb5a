"""The entries that a reader has chosen on a board, to compare them. `static/leaderboard/chosen.js` has a twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.forms.several import MOST_COMPARED
from leaderboard.forms.table_view import View
from leaderboard.models import Entry
from leaderboard.presentation import rows
from leaderboard.presentation.format import joules
from leaderboard.queries import RankedBoard


@dataclass(frozen=True, slots=True)
class Chosen:
    """One chosen entry, and its full-cycle energy at the reader's usage intensity in words."""

    entry: int
    method: str
    energy: str


def chosen(ranked: RankedBoard, entries: Sequence[int]) -> list[Chosen]:
    """The chosen entries that are on the board, whatever its filters, in the order of choice."""
    query = ranked.query
    bare = LeaderboardQuery(usage_intensity=query.usage_intensity, shared_by=query.shared_by, min_quality=0.0)
    found = RankedBoard(bare, ranked.columns).find(entries)
    return [
        Chosen(entry, line.entry.method.title, rows.at_least(line.entry) + joules(line.place.energy_j))
        for entry in entries
        if (line := found.get(entry)) is not None
    ]


def offer(entry: Entry, ranked: RankedBoard, view: View) -> dict[str, Any]:
    """What an entry's page offers a reader who has chosen entries on its board, which is `ranked`.

    The addresses: of the comparison without and with this entry, and of the board with this entry chosen too.
    """
    query, already = ranked.query, [item.entry for item in chosen(ranked, view.chosen)]
    with_it = [*already, entry.pk]
    return {
        "count": len(already),
        "is_chosen": entry.pk in already,
        "is_full": len(already) >= MOST_COMPARED,
        "compare": compare_address(already, query, view),
        "compare_with": compare_address(with_it, query, view),
        "board": "?"
        + urlencode(query.parameters() | view.assumptions() | {"chosen": ",".join(map(str, with_it))}, doseq=True),
    }


def compare_address(entries: Sequence[int], query: LeaderboardQuery, view: View) -> str:
    """Parameters of the page that compares the entries, at the reader's usage intensity and assumptions."""
    return "?" + urlencode({"entry": list(entries)}, doseq=True) + rows.use(query, view, "&")
