"""A trace with fewer samples and the same joules, for traces that are kept for years.

Samples that follow each other become one, whose power is their time-weighted mean: the integral over any stretch
between two of the times that are kept is that of all samples, within the rounding of floating point. Kept as they
are: the samples at the edges of windows, pauses and sampled blocks, around a missing reading, and the highest and the
lowest of every stretch between. Each power column `<name>_w` gets `<name>_least_w` and `<name>_most_w`, the extremes
of the samples behind each row. The metadata says what was done (`Thinned`).
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from measurement.dataroot import sha256_of
from measurement.errors import BadInput
from measurement.traces.trace import METADATA_KEY

MOST_SAMPLES = 1200
"""About as many samples has a thinned trace, apart from those that are kept: two for each point of the chart."""

LEAST_OF_A_STRETCH = 20
"""Samples of a stretch between two edges, however short it is, if it has so many."""

WORTH = 0.5
"""A trace of which more than this share of the bytes would stay is left as it is."""

LEAST, MOST = "_least_w", "_most_w"
Table = Any


@dataclass(frozen=True, slots=True)
class Thinned:
    """What the metadata of a thinned trace says under `thinned`. at: ISO 8601, in UTC; sha256: of the full file."""

    at: str
    samples_before: int
    samples: int
    sha256: str


class NotThinned(Exception):
    """A trace that stays as it is; the message says why, and is no fault of the file's."""


def thin_trace(source: Path, target: Path, at: str, edges_s: Iterable[float] = ()) -> Thinned:
    """Write `source`, a trace of the meter, with fewer samples to `target`.

    at: when, ISO 8601 in UTC. edges_s: further times, seconds on the trace's clock, between which the joules are to
    stay the same, such as those of sampled blocks. Raises NotThinned, and BadInput for what is no trace of the meter.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(source)
        document = json.loads((table.schema.metadata or {})[METADATA_KEY])
        edges = sorted({*_edges(document["windows"]), *edges_s})
    except FileNotFoundError:
        raise BadInput(f"{source}: file not found", field="trace") from None
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise BadInput(f"{source}: is no trace of the meter ({error})", field="trace") from None
    if "thinned" in document:
        raise NotThinned("was thinned before")
    _check(source, table)
    table = table.combine_chunks()
    starts = _starts(table, edges)
    said = Thinned(at, table.num_rows, len(starts), sha256_of(source))
    metadata = {METADATA_KEY: json.dumps(document | {"thinned": asdict(said)})}
    pq.write_table(_merged(table, starts).replace_schema_metadata(metadata), target, compression="zstd")
    if target.stat().st_size > WORTH * source.stat().st_size:
        target.unlink()
        raise NotThinned("is short")
    return said


def _edges(windows: Iterable[dict[str, Any]]) -> Iterator[float]:
    for window in windows:
        yield float(window["started_s"])
        yield float(window["ended_s"])
        for start_s, end_s in window["pauses"]:
            yield float(start_s)
            yield float(end_s)


def _power_columns(table: Table) -> list[str]:
    return [name for name in table.column_names if name.endswith("_w")]


def _check(source: Path, table: Table) -> None:
    """Refuse what the meter never writes, which the arithmetic below does not expect."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = table.column_names
    wrong = [name for name in columns if not pa.types.is_float64(table.schema.field(name).type)]
    if wrong or columns[0] != "timestamp_s" or "power_w" not in columns:
        raise BadInput(f"{source}: is no trace of the meter (columns: {', '.join(columns)})", field="trace")
    if any(pc.any(pc.is_nan(table[name])).as_py() for name in columns) or table["timestamp_s"].null_count:
        raise BadInput(f"{source}: has readings that are no numbers", field="trace")
    if table.num_rows > 1:
        times = table["timestamp_s"].combine_chunks()
        if pc.min(pc.subtract(times.slice(1), times.slice(0, len(times) - 1))).as_py() < 0:
            raise BadInput(f"{source}: its times step back", field="trace")


def _starts(table: Table, edges_s: Sequence[float]) -> list[int]:
    """The rows that begin a sample of the thinned trace, ascending."""
    times: list[float] = table["timestamp_s"].to_pylist()
    if not times:
        return []
    kept = sorted({0, len(times) - 1, *_at_edges(times, edges_s), *_around_gaps(table)} & set(range(len(times))))
    width_s = (times[-1] - times[0]) / MOST_SAMPLES
    starts = set(kept)
    for begin, end in pairwise(kept):
        starts.update(_of_stretch(table, times, begin, end, width_s))
    return sorted(starts)


def _at_edges(times: Sequence[float], edges_s: Iterable[float]) -> Iterator[int]:
    """An edge between two rows keeps the sample that holds over it; before the first row, that one."""
    for edge_s in edges_s:
        row = max(0, bisect_right(times, edge_s) - 1)
        yield row
        if times[row] != edge_s:
            yield row + 1


def _around_gaps(table: Table) -> Iterator[int]:
    """Where a column's readings begin or end: the reading next to the gap holds over it, so it is kept."""
    import pyarrow.compute as pc

    for name in _power_columns(table):
        column = table[name].combine_chunks()
        if not 0 < column.null_count < len(column):
            continue
        is_there = pc.is_valid(column)
        changes = pc.not_equal(is_there.slice(1), is_there.slice(0, len(column) - 1))
        for before in pc.indices_nonzero(changes).to_pylist():
            yield from (before, before + 1, before + 2)


def _of_stretch(table: Table, times: Sequence[float], begin: int, end: int, width_s: float) -> Iterator[int]:
    """Rows at equal distances in [begin, end), and the highest and the lowest sample; all if they are few."""
    lasts_s = times[end] - times[begin]
    number = max(LEAST_OF_A_STRETCH, math.ceil(lasts_s / width_s) if width_s > 0 else 0)
    if end - begin <= number:
        yield from range(begin, end)
        return
    for part in range(1, number):
        row = bisect_left(times, times[begin] + lasts_s * part / number, begin, end)
        if row < end:
            yield row
    for row in _extremes(table["power_w"].slice(begin, end - begin)):
        yield begin + row
        yield begin + row + 1


def _extremes(column: Any) -> Iterator[int]:
    import pyarrow.compute as pc

    least, most = pc.min_max(column).as_py().values()
    if least is not None:
        yield from (pc.index(column, value).as_py() for value in (least, most))


def _merged(table: Table, starts: Sequence[int]) -> Table:
    """One row for each start, of all rows up to the next."""
    import pyarrow as pa
    import pyarrow.compute as pc

    times = table["timestamp_s"].combine_chunks()
    sizes = [end - begin for begin, end in pairwise([*starts, table.num_rows])]
    group = pa.array([number for number, size in enumerate(sizes) for _ in range(size)], pa.int32())
    held_s = pa.concat_arrays([pc.subtract(times.slice(1), times.slice(0, len(times) - 1)), pa.array([0.0])])
    at = table.take(pa.array(starts))
    lasts_s = [end - begin for begin, end in pairwise([*at["timestamp_s"].to_pylist(), times[-1].as_py()])]
    columns = {name: at[name] for name in table.column_names}
    for name in _power_columns(table):
        power = table[name].combine_chunks()
        grouped = pa.table({"group": group, "power": power, "energy": pc.multiply(power, held_s)})
        found = grouped.group_by("group", use_threads=False).aggregate(
            [("energy", "sum"), ("power", "min"), ("power", "max"), ("power", "last")]
        )
        found = found.sort_by("group")
        columns[name] = pa.array(
            map(_mean, found["energy_sum"].to_pylist(), lasts_s, sizes, found["power_last"].to_pylist()),
            pa.float64(),
        )
        columns[name.removesuffix("_w") + LEAST] = found["power_min"]
        columns[name.removesuffix("_w") + MOST] = found["power_max"]
    return pa.table(columns)


def _mean(energy_j: float | None, lasts_s: float, size: int, last_w: float | None) -> float | None:
    """Of one sample itself; of samples at one moment, the last of them, which is the one that holds."""
    if energy_j is None or size == 1 or lasts_s <= 0:
        return last_w
    return energy_j / lasts_s
