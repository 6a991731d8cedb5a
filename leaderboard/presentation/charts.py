"""The data of charts. `static/leaderboard/charts/` draws it in the browser, so that one implementation follows the
slider on every page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from leaderboard.models import Entry

# The fields of an entry that charts/energy.js needs, by the snapshot's names.
FIGURES = (
    "shared_energy_j",
    "own_energy_j",
    "inference_energy_j",
    "shared_u95_j",
    "own_u95_j",
    "inference_u95_j",
    "metered_shared_j",
    "metered_own_j",
    "inference_provenance",
    "provenance",
    "complete",
    "quality",
    "quality_metric",
    "phases",
)
MOST_TRACE_POINTS = 600


def chart_entries(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Entries as charts/energy.js takes them: joules, `inference_*` per image, quality as a fraction."""
    return [
        {
            "key": entry.pk,
            "entry": entry.pk,
            "method": entry.method.title,
            **{name: getattr(entry, name) for name in FIGURES},
        }
        for entry in entries
    ]


def power_trace(file: IO[bytes], most_points: int = MOST_TRACE_POINTS) -> dict[str, Any]:
    """Power of the accelerator scope over time, out of a trace in Parquet, thinned to at most `most_points`.

    Returns `time_s` (the trace's own clock), `power_w` (each point's time-weighted mean, so that thinning keeps the
    joules), `least_w` and `most_w` of its samples (of a thinned trace: of those behind its samples), and their number
    `samples`. A step function: each value holds until the next time. Raises pyarrow's errors (ValueError, OSError,
    KeyError) for another kind of file.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    stored = pq.ParquetFile(file)
    if "power_w" not in stored.schema_arrow.names:
        raise KeyError("power_w")
    names = [name for name in ("power_least_w", "power_most_w") if name in stored.schema_arrow.names]
    table = stored.read(columns=["timestamp_s", "power_w", *names]).drop_null()
    times = table["timestamp_s"].combine_chunks()
    samples = len(times)
    if samples < 2:
        return {"time_s": [], "power_w": [], "least_w": [], "most_w": [], "samples": samples}
    first_s, last_s = times[0].as_py(), times[-1].as_py()
    width_s = (last_s - first_s) / most_points
    group = pc.divide(pc.subtract(times, first_s), width_s) if samples > most_points and width_s > 0 else None
    held_s = pc.subtract(times.slice(1), times.slice(0, samples - 1))
    readings = {name: table[name].combine_chunks().slice(0, samples - 1) for name in ("power_w", *names)}
    columns = {
        "group": pc.floor(group).slice(0, samples - 1) if group is not None else range(samples - 1),
        "time_s": times.slice(0, samples - 1),
        "power_w": readings["power_w"],
        "least_w": readings.get("power_least_w", readings["power_w"]),
        "most_w": readings.get("power_most_w", readings["power_w"]),
        "held_s": held_s,
    }
    return _thinned(columns) | {"samples": samples}


def _thinned(columns: dict[str, Any]) -> dict[str, list[float]]:
    """One point a group, in order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = pa.table(
        {name: pa.array(values) if isinstance(values, range) else values for name, values in columns.items()}
    )
    table = table.append_column("energy_j", pc.multiply(table["power_w"], table["held_s"]))
    points = table.group_by("group", use_threads=False).aggregate(
        [("time_s", "min"), ("energy_j", "sum"), ("held_s", "sum"), ("least_w", "min"), ("most_w", "max")]
    )
    points = points.sort_by("time_s_min")  # grouping guarantees no order
    # Samples at one moment have no duration: take the greatest reading.
    held = pc.if_else(pc.greater(points["held_s_sum"], 0), points["held_s_sum"], None)
    mean_w = pc.coalesce(pc.divide(points["energy_j_sum"], held), points["most_w_max"])
    return {
        "time_s": _rounded(points["time_s_min"], 3),
        "power_w": _rounded(mean_w, 4),
        "least_w": _rounded(points["least_w_min"], 4),
        "most_w": _rounded(points["most_w_max"], 4),
    }


def _rounded(column: Any, decimals: int) -> list[float]:
    import pyarrow.compute as pc

    values: list[float] = pc.round(column, ndigits=decimals).to_pylist()
    return values
