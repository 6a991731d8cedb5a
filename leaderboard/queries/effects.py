"""What each limit leaves of a ranked board."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from leaderboard.domain.constraints import BY_PARAMETER
from leaderboard.queries.boards import RankedBoard


@dataclass(frozen=True, slots=True)
class Effect:
    """Of the entries that all other filters, limits and the floor let through: how many one limit leaves.

    unknown: of how many the figure is not known, which the limit leaves out.
    """

    leaves: int
    of: int
    unknown: int


def effects(ranked: RankedBoard) -> dict[str, Effect]:
    """The effect of each limit in force, by its parameter."""
    columns, query = ranked.columns, ranked.query
    if columns is None or not query.limits:
        return {}
    leading = columns.at_or_above(query.floor)
    others = columns.matching(query.on(**dict.fromkeys(BY_PARAMETER)))
    kept = {constraint.parameter: columns.keeping(constraint, limit) for constraint, limit in query.limits}
    found = {}
    for constraint, _ in query.limits:
        whole = others
        for parameter, keeping in kept.items():
            whole = pc.and_(whole, keeping) if parameter != constraint.parameter else whole
        whole = whole.slice(0, leading)
        unknown = pc.and_(whole, pc.is_null(columns.arrays[constraint.figure].slice(0, leading)))
        left = pc.and_(whole, kept[constraint.parameter].slice(0, leading))
        found[constraint.parameter] = Effect(_count(left), _count(whole), _count(unknown))
    return found


def _count(found: pa.Array) -> int:
    return pc.sum(found).as_py() or 0
