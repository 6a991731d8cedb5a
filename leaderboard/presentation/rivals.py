"""Pairs of entries compared: from which usage intensity on one uses less energy than the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from leaderboard import queries
from leaderboard.domain import ranking
from leaderboard.domain.energy import one_time_energy_j
from leaderboard.models import Entry
from leaderboard.presentation import rows
from leaderboard.presentation.format import count

MOST_RIVALS = 10
MOST_FOUND = 12


@dataclass(slots=True)
class Against:
    """The entry to compare with: one `rival`, or several matches `found` to choose from, or neither."""

    asked: str = ""
    rival: Entry | None = None
    found: list[Entry] = field(default_factory=list)
    notice: str = ""


def find_rival(entry: Entry, ranked: queries.RankedBoard, asked: str) -> Against:
    """The entry of `ranked` that `asked` names by number, method or recipe; if empty, the best other one."""
    asked = asked.strip()[:100]
    if not asked:
        best = _others(entry, ranked, 1)
        return Against(rival=best[0] if best else None)
    if asked.isascii() and asked.isdecimal() and len(asked) <= 15:
        row = ranked.find_any(int(asked))
        if row is not None and row.entry.pk != entry.pk:
            return Against(asked, row.entry)
    found = _others(entry, queries.ranked_board(ranked.query.on(search=asked)), MOST_FOUND)
    same_title = [other for other in found if other.method.title == asked]
    if len(found) == 1 or len(same_title) == 1:
        return Against(asked, (same_title or found)[0])
    notice = "" if found else f"No other entry of this group matches “{asked[:40]}”."
    return Against(asked, None, found, notice)


def _others(entry: Entry, ranked: queries.RankedBoard, most: int) -> list[Entry]:
    return [row.entry for row in ranked.rows[: most + 1] if row.entry.pk != entry.pk][:most]


def rival_lines(entry: Entry, ranked: queries.RankedBoard) -> list[dict[str, Any]]:
    """Break-even with the best other entries of its group."""
    mine, shared_by = queries.candidate(entry), ranked.query.shared_by
    return [
        {
            "entry": other,
            "verdict": verdict(mine, queries.candidate(other), shared_by),
            "quality": rows.quality(other),
        }
        for other in _others(entry, ranked, MOST_RIVALS)
    ]


def verdict(mine: ranking.Candidate, other: ranking.Candidate, shared_by: float) -> str:
    """At which usage intensities `mine` uses less energy than `other`, in words."""
    if not (mine.complete and other.complete):
        return "unknown: a phase is missing, so a total is a lower bound"
    crossing = ranking.break_even(mine, other, shared_by)
    if crossing is not None:
        side = "from" if mine.inference_energy_j < other.inference_energy_j else "up to"
        return f"less {side} {count(crossing)} images{' on' if side == 'from' else ''}"
    mine_j, other_j = (one_time_energy_j(c, shared_by) for c in (mine, other))
    if (mine_j, mine.inference_energy_j) == (other_j, other.inference_energy_j):
        return "the same at any usage"
    less = mine_j <= other_j and mine.inference_energy_j <= other.inference_energy_j
    return "less at any usage" if less else "more at any usage"
