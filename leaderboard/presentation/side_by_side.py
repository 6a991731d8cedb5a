"""A board's lines at several usage intensities, rank and energy at each; as in `static/leaderboard/sidebyside.js`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from leaderboard.presentation import rows
from leaderboard.presentation.format import count, joules
from leaderboard.queries import RankedBoard, RankedEntry

# Powers of ten that the menu offers; an address may have any.
OFFERED = tuple(10.0**exponent for exponent in range(2, 13, 2))


def usages(chosen: Sequence[float]) -> list[dict[str, Any]]:
    """Every usage intensity that the menu offers, and those of the address: value, words, whether it is chosen."""
    offered = sorted({*OFFERED, *chosen})
    return [{"value": f"{usage:.15g}", "words": count(usage), "is_chosen": usage in chosen} for usage in offered]


def cells(ranked: RankedBoard, lines: Iterable[RankedEntry], at: Sequence[float]) -> dict[int, list[dict[str, str]]]:
    """By entry what each of `lines` has at every usage intensity of `at`."""
    keys = [line.entry.pk for line in lines]
    boards = [RankedBoard(ranked.query.on(usage_intensity=usage), ranked.columns).find(keys) for usage in at]
    named = list(zip(boards, map(count, at), strict=True))
    return {key: [_cell(board[key], words) for board, words in named] for key in keys}


def _cell(line: RankedEntry, words: str) -> dict[str, str]:
    return {
        "words": words,
        "rank": rows.rank_text(line.place),
        "energy": rows.at_least(line.entry) + joules(line.place.energy_j),
    }
