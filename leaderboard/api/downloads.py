"""A ranked board as a file: the rows of the JSON, all of them, with the address of the page that shows them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from leaderboard import queries
from leaderboard.api.renderers import FiniteJSONRenderer
from leaderboard.api.rows import row
from leaderboard.domain.energy import ONE_TIME_PHASES, Provenance, weakest

# Column -> its type in Parquet; units as in the names. Ahead of the columns of each phase.
COLUMNS = {
    "rank": "int64",
    "rank_best": "int64",
    "rank_worst": "int64",
    "entry": "int64",
    "permalink": "string",
    "method": "string",
    "family": "string",
    "recipe": "string",
    "source": "string",
    "model": "string",
    "track": "string",
    "hardware": "string",
    "scenario": "string",
    "scope": "string",
    "quality": "float64",
    "quality_metric": "string",
    "quality_provenance": "string",
    "quality_by": "string",
    "below_floor": "bool",
    "submitters_weights": "bool",
    "busy_machine": "bool",
    "hidden_quality": "float64",
    "results": "int64",
    "also_claimed_as": "string",
    "mode": "string",
    "data": "string",
    "precision": "string",
    "runtime": "string",
    "compiled": "string",
    "run_mark": "string",
    "usage_intensity": "float64",
    "shared_by": "float64",
    "accuracy_weight": "float64",
    "min_quality": "float64",
    "one_time_energy_j": "float64",
    "inference_energy_j": "float64",
    "full_cycle_energy_j": "float64",
    "full_cycle_energy_u95_j": "float64",
    "energy_per_correct_j": "float64",
    "greenness_per_mj": "float64",
    "greenness_relative": "float64",
    "provenance": "string",
    "inference_provenance": "string",
    "metered_share": "float64",
    "pareto": "bool",
    "complete": "bool",
    "parameters": "int64",
    "macs": "int64",
    "latency_p50_ms": "float64",
    "throughput_images_per_s": "float64",
    "batch_size": "int64",
    "peak_memory_bytes": "int64",
    "published_at": "timestamp",
    "view": "string",
    **{f"{phase}_energy_j": "float64" for phase in ONE_TIME_PHASES},
    **{f"{phase}_provenance": "string" for phase in ONE_TIME_PHASES},
}
ROWS_AT_ONCE = 5_000
# A cell that begins with one of these is run as a formula by spreadsheets.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def view_of(ranked: queries.RankedBoard, site: str) -> str:
    """The address of the page that shows exactly these rows."""
    query, board = ranked.query, ranked.board
    if board is not None:  # the address keeps leading to this board if another becomes the default
        query = query.on(track=board.track, hardware=board.hardware.slug, scenario=board.scenario, scope=board.scope)
    return f"{site}{reverse('leaderboard')}?{urlencode(query.parameters(), doseq=True)}".rstrip("?")


def lines(ranked: queries.RankedBoard, site: str) -> Iterator[dict[str, Any]]:
    """Flat rows, one at a time: 100,000 dictionaries take too much memory. site: scheme and host."""
    view = view_of(ranked, site)
    for line in ranked.rows:
        yield _flat(row(line, ranked.query)) | {
            "permalink": site + line.entry.get_absolute_url(),
            "usage_intensity": ranked.query.usage_intensity,
            "shared_by": ranked.query.shared_by,
            "accuracy_weight": ranked.query.accuracy_weight,
            "min_quality": ranked.query.floor,
            "view": view,
        }


def as_csv(ranked: queries.RankedBoard, site: str) -> bytes:
    """UTF-8, header first, empty if unknown. Text that a spreadsheet would run gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([cell(line.get(name)) for name in COLUMNS] for line in lines(ranked, site))
    return text.getvalue().encode()


def as_parquet(ranked: queries.RankedBoard, site: str) -> bytes:
    """Typed columns, null if unknown; the board's revision and the view's address are in the file's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[str, Callable[[], Any]] = {
        "int64": pa.int64,
        "float64": pa.float64,
        "string": pa.string,
        "bool": pa.bool_,
        "timestamp": lambda: pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema(
        [(name, types[kind]()) for name, kind in COLUMNS.items()],
        metadata={"revision": str(ranked.revision), "view": view_of(ranked, site)},
    )
    buffer, rest = io.BytesIO(), lines(ranked, site)
    with pq.ParquetWriter(buffer, schema) as writer:
        while batch := list(islice(rest, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    return buffer.getvalue()


def as_json(ranked: queries.RankedBoard, site: str) -> bytes:
    """`view`, `revision` and `results`, null if unknown."""
    write = FiniteJSONRenderer().render
    head: bytes = write({"view": view_of(ranked, site), "revision": ranked.revision})
    names = [name for name in COLUMNS if name != "view"]
    results = b",\n".join(write({name: line.get(name) for name in names}) for line in lines(ranked, site))
    return head.removesuffix(b"}") + b',"results":[' + results + b"]}"


def _flat(line: dict[str, Any]) -> dict[str, Any]:
    """Phases of one name are added up; unknown if one of them is missing, empty if there is none."""
    for phase in line.pop("phases"):
        energy, provenance = f"{phase['phase']}_energy_j", f"{phase['phase']}_provenance"
        if energy not in line:
            line[energy], line[provenance] = phase["energy_j"], phase["provenance"]
            continue
        known = line[energy] is not None and phase["energy_j"] is not None
        line[energy] = line[energy] + phase["energy_j"] if known else None
        line[provenance] = str(weakest([Provenance(line[provenance]), Provenance(phase["provenance"])]))
    return line


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return str(value)
