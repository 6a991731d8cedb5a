"""The trace: every reading of a run as Parquet, from which all its joules can be recomputed.

Columns, one row a sample: `timestamp_s` (the meter's clock); `power_w` (the accelerator scope); for each component
`<name>_w` and, if it has a counter, `<name>_energy_j` (joules since the meter started, null if not read then);
`<name>_sensor_w` is a second instrument's reading. Power columns are step functions: a value holds until the next
row. The schema's metadata holds the windows with their pauses and joules, and the table of components, as JSON; of a
trace that was thinned later (`thinning.py`) also `thinned`, which names the full one.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measurement.accounting import step_integral
from measurement.errors import BadInput
from measurement.vocabulary import TRACE_METADATA

TRACE_VERSION = 1
METADATA_KEY = TRACE_METADATA


class Readings:
    """Samples in order, a column for each instrument; NaN is a reading that was not taken or not available."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.times_s = array("d")
        self.columns = {name: array("d") for name in columns}
        self.edges: set[int] = set()

    def append(self, time_s: float, values: Mapping[str, float], *, edge: bool = False) -> None:
        """One row; `edge` marks the boundary of a window, a pause or a block."""
        if edge:
            self.edges.add(len(self.times_s))
        self.times_s.append(time_s)
        for name, column in self.columns.items():
            column.append(values.get(name, math.nan))


@dataclass(frozen=True, slots=True)
class TraceComponent:
    """A component's columns. `counter` and `sensor` name columns of the readings, None if there is none."""

    name: str
    kind: str
    source: str
    update_period_s: float
    in_accelerator: bool
    counter: str | None
    sensor: str | None


@dataclass(frozen=True, slots=True)
class WindowMark:
    """A window as stored in the trace. `columns` names, for each component, the power column of its joules."""

    name: str
    started_s: float
    ended_s: float
    pauses: tuple[tuple[float, float], ...] = ()
    energies_j: Mapping[str, float | None] = field(default_factory=dict)
    components_j: Mapping[str, float | None] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    def stretches(self) -> list[tuple[float, float]]:
        """The times in which the window was not paused."""
        edges = [self.started_s, *(time for pause in self.pauses for time in pause), self.ended_s]
        return list(zip(edges[::2], edges[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace read back: columns by name (None if there was no reading) and the metadata."""

    columns: Mapping[str, Sequence[float | None]]
    windows: tuple[WindowMark, ...]
    components: tuple[dict[str, Any], ...]
    details: Mapping[str, Any]

    def window_energy_j(self, window: WindowMark, component: str) -> float | None:
        """Joules of one component over a window, recomputed from its power column."""
        column = window.columns.get(component)
        if column is None:
            return None
        times, values = without_gaps(self.columns["timestamp_s"], self.columns[column])
        return math.fsum(step_integral(times, values, *stretch) for stretch in window.stretches())


def thinned_notes(trace: Trace) -> list[str]:
    """What a reader of a thinned trace should know; nothing of a full one."""
    said = trace.details.get("thinned")
    if not isinstance(said, Mapping):
        return []
    return [
        f"thinned on {str(said.get('at'))[:10]}, from {said.get('samples_before')} samples to {said.get('samples')}: "
        "windows, and the stretches between their pauses, have the joules of all samples; other stretches have those "
        "of mean power"
    ]


def without_gaps(times: Sequence[float | None], values: Sequence[float | None]) -> tuple[list[float], list[float]]:
    """The samples that have both a time and a value."""
    kept = [
        (time, value) for time, value in zip(times, values, strict=True) if time is not None and value is not None
    ]
    return [time for time, _ in kept], [value for _, value in kept]


def counter_power_w(readings: Readings, column: str, update_period_s: float) -> list[float]:
    """A counter's readings as a step function of power whose integral between two edges is the counter's difference.

    A counter that ticks less often than it is read would show spikes between zeros. So each step is spread over the
    rows since the last tick, and the part that is known at an edge over the rows since the tick before; never across
    an edge.
    """
    times, energy = readings.times_s, readings.columns[column]
    power = [math.nan] * len(times)
    held_from: int | None = None
    group_from: int | None = None
    for row in range(len(times)):
        if math.isnan(energy[row]):
            continue
        if group_from is None:
            group_from = row
            continue
        ticked = energy[row] != energy[group_from]
        is_edge = row in readings.edges
        elapsed_s = times[row] - times[group_from]
        if not (ticked or is_edge or elapsed_s >= 2 * update_period_s):
            continue
        start = group_from
        if is_edge and held_from is not None and elapsed_s < 2 * update_period_s:
            start = held_from
        span_s = times[row] - times[start]
        level = (energy[row] - energy[start]) / span_s if span_s > 0 else 0.0
        power[start:row] = [level] * (row - start)
        power[row] = level
        held_from = None if is_edge else group_from
        group_from = row
    return _held(power)


def _held(values: Sequence[float]) -> list[float]:
    """Each NaN replaced by the value before it."""
    held, last = [], math.nan
    for value in values:
        last = last if math.isnan(value) else value
        held.append(last)
    return held


def write_trace(
    path: Path,
    readings: Readings,
    components: Sequence[TraceComponent],
    windows: Sequence[WindowMark],
    details: Mapping[str, Any],
    *,
    earlier: Path | None = None,
) -> None:
    """Write the trace as Parquet; a reader sees the whole file or none.

    earlier: the trace of the attempt that this one continues, on the same clock; its rows and windows come first.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Sequence[float]] = {"timestamp_s": list(readings.times_s), "power_w": []}
    for component in components:
        power, sensor = f"{component.name}_w", component.sensor
        if component.counter is not None:
            columns[power] = counter_power_w(readings, component.counter, component.update_period_s)
            columns[f"{component.name}_energy_j"] = list(readings.columns[component.counter])
        if sensor is not None:
            columns[power if component.counter is None else f"{component.name}_sensor_w"] = _held(
                readings.columns[sensor]
            )
    summands = [columns[f"{component.name}_w"] for component in components if component.in_accelerator]
    blank = [math.nan] * len(readings.times_s)
    columns["power_w"] = [math.fsum(values) for values in zip(*summands, strict=True)] if summands else blank
    document = {
        "trace_version": TRACE_VERSION,
        **details,
        "components": [
            {"name": part.name, "kind": part.kind, "source": part.source, "update_period_s": part.update_period_s}
            for part in components
        ],
        "windows": [
            {
                "name": window.name,
                "started_s": window.started_s,
                "ended_s": window.ended_s,
                "pauses": [list(pause) for pause in window.pauses],
                "energies_j": dict(window.energies_j),
                "components_j": dict(window.components_j),
                "columns": dict(window.columns),
            }
            for window in windows
        ],
    }
    table = pa.table({name: pa.array(values, pa.float64(), from_pandas=True) for name, values in columns.items()})
    if earlier is not None:
        before = pq.read_table(earlier)
        document["windows"] = [*json.loads(before.schema.metadata[METADATA_KEY])["windows"], *document["windows"]]
        table = pa.concat_tables([before.replace_schema_metadata(), table], promote_options="default")
    partial = path.with_suffix(".partial")
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: json.dumps(document)}), partial, compression="zstd")
    partial.replace(path)


def read_trace(path: Path) -> Trace:
    """A trace of ours, or any Parquet file with `timestamp_s` and power columns (then without windows).

    Raises BadInput for a file that can't be read, is not Parquet or has no `timestamp_s`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise BadInput(f"{path}: file not found", field="trace") from None
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path}: not a Parquet file: {error}", field="trace") from None
    if "timestamp_s" not in table.column_names:
        names = ", ".join(table.column_names) or "none"
        raise BadInput(f"{path}: has no column timestamp_s (columns: {names})", field="trace")
    columns = {}
    for name in table.column_names:
        kind = table.schema.field(name).type
        if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind):
            columns[name] = table.column(name).to_pylist()
    if "timestamp_s" not in columns:
        kind = table.schema.field("timestamp_s").type
        raise BadInput(f"{path}: column timestamp_s holds {kind}, not seconds", field="trace")
    try:
        document = json.loads((table.schema.metadata or {}).get(METADATA_KEY, b"{}"))
        windows = tuple(_window(mark) for mark in document.pop("windows", []))
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput(f"{path}: its trace metadata can't be read: {error}", field="trace") from None
    return Trace(columns, windows, tuple(document.pop("components", [])), document)


def _window(mark: Mapping[str, Any]) -> WindowMark:
    pauses = tuple((float(start), float(end)) for start, end in mark["pauses"])
    return WindowMark(**{**mark, "pauses": pauses})
