"""A ranked board's lines in another order than that of the ranks: by any column of the table.

`static/leaderboard/sorting.js` sorts the same way. Sorting is stable, so that equal lines stay in the order of their
ranks; unknown values come last in either direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from leaderboard.domain.quality import QUALITY_BY
from leaderboard.models import FAMILIES, Provenance
from leaderboard.queries.placing import Placing

_EVALUATED = {by: position for position, by in enumerate(QUALITY_BY)}
_TRUST = {provenance: position for position, provenance in enumerate(Provenance.values)}


def sorted_lines(placing: Placing, column: str, *, descending: bool) -> pa.Array:
    """Lines (from 0, in order of rank) in the order of a column. KeyError for an unknown column."""
    values = SORT_VALUES[column](placing).take(placing.order)
    lines = pa.array(range(len(values)), pa.uint64())
    if descending:
        # The stable order of equal lines survives only an ascending sort.
        values, lines = values[::-1], lines[::-1]
    known = pc.indices_nonzero(pc.is_valid(values))
    order = lines.take(known).take(pc.array_sort_indices(values.take(known)))
    unknown = pc.array_sort_indices(lines.filter(pc.is_null(values)))
    last = lines.filter(pc.is_null(values)).take(unknown)
    return pa.concat_arrays([order[::-1] if descending else order, last])


def _stored(name: str) -> Callable[[Placing], pa.Array]:
    return lambda placing: placing.stored(name)


def _rank(placing: Placing) -> pa.Array:
    """Null for items that are not ranked."""
    ranked = len(placing.group[0])
    ranks = pa.array([line if line < ranked else None for line in range(len(placing))], pa.uint64())
    return ranks.take(pc.array_sort_indices(placing.order))


def _method(placing: Placing) -> pa.Array:
    return _alphabetical(placing.stored("title").to_pylist())


def _family(placing: Placing) -> pa.Array:
    return _alphabetical(FAMILIES.get(family, family) for family in placing.stored("family").to_pylist())


def _alphabetical(texts: Iterable[str]) -> pa.Array:
    """Ignoring case, in the order of UTF-16, which is JavaScript's."""
    keys = [text.lower().encode("utf-16-be", "surrogatepass") for text in texts]
    position = {key: number for number, key in enumerate(sorted(set(keys)))}
    return pa.array([position[key] for key in keys], pa.int64())


def _one_time_share(placing: Placing) -> pa.Array:
    return _share(placing.one_time_energy_j, placing.energy_j)


def _per_image(placing: Placing) -> pa.Array:
    is_missing = pc.equal(placing.stored("inference_provenance"), Provenance.MISSING.value)
    return pc.if_else(is_missing, None, placing.stored("inference_energy_j"))


def _provenance(placing: Placing) -> pa.Array:
    return pa.array([_TRUST[provenance] for provenance in placing.stored("provenance").to_pylist()], pa.int64())


def _quality_by(placing: Placing) -> pa.Array:
    return pa.array([_EVALUATED[by] for by in placing.stored("quality_by").to_pylist()], pa.int64())


def _metered_share(placing: Placing) -> pa.Array:
    query = placing.query
    one_time_j = pc.add(
        pc.divide(placing.stored("metered_shared_j"), query.shared_by), placing.stored("metered_own_j")
    )
    served_j = pc.multiply(query.usage_intensity, placing.stored("inference_energy_j"))
    is_metered = pc.equal(placing.stored("inference_provenance"), Provenance.METERED.value)
    metered_j = pc.if_else(is_metered, pc.add(one_time_j, served_j), one_time_j)
    return pc.min_element_wise(_share(metered_j, placing.energy_j), 1.0)


def _share(part_j: pa.Array, whole_j: pa.Array) -> pa.Array:
    return pc.if_else(pc.greater(whole_j, 0.0), pc.divide(part_j, whole_j), 0.0)


# Column of the table -> a value for each item of a placing.
SORT_VALUES: dict[str, Callable[[Placing], pa.Array]] = {
    "rank": _rank,
    "method": _method,
    "family": _family,
    "quality": _stored("quality"),
    "quality_by": _quality_by,
    "greenness": lambda placing: placing.greenness_per_joule,
    "energy": lambda placing: placing.energy_j,
    "phases": _one_time_share,
    "one_time": lambda placing: placing.one_time_energy_j,
    "per_image": _per_image,
    "carbon": lambda placing: placing.energy_j,
    "cost": lambda placing: placing.energy_j,
    "provenance": _provenance,
    "metered": _metered_share,
    "parameters": _stored("parameters"),
    "macs": _stored("macs"),
    "latency": _stored("latency_p50_ms"),
    "memory": _stored("peak_memory_bytes"),
}
