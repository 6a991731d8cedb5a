"""`entries.parquet`: a row for every entry of every board, for analysis; nothing is imported from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from leaderboard.domain.energy import ONE_TIME_PHASES, Provenance, weakest
from leaderboard.models import Entry

ROWS_AT_ONCE = 5_000

_FIGURES: dict[str, pa.DataType] = {
    "mode": pa.string(),
    "data": pa.string(),
    "quality": pa.float64(),
    "quality_metric": pa.string(),
    "quality_provenance": pa.string(),
    "submitters_weights": pa.bool_(),
    "busy_machine": pa.bool_(),
    "hidden_quality": pa.float64(),
    "results": pa.int64(),
    "shared_energy_j": pa.float64(),
    "own_energy_j": pa.float64(),
    "shared_u95_j": pa.float64(),
    "own_u95_j": pa.float64(),
    "metered_shared_j": pa.float64(),
    "metered_own_j": pa.float64(),
    "inference_provenance": pa.string(),
    "provenance": pa.string(),
    "complete": pa.bool_(),
    "parameters": pa.int64(),
    "macs": pa.int64(),
    "latency_p50_ms": pa.float64(),
    "throughput_images_per_s": pa.float64(),
    "batch_size": pa.int64(),
    "peak_memory_bytes": pa.int64(),
    "published_at": pa.timestamp("us", tz="UTC"),
}
SCHEMA = pa.schema(
    {
        "entry": pa.int64(),
        "source": pa.string(),
        "method": pa.string(),
        "family": pa.string(),
        "recipe_sha256": pa.string(),
        "model": pa.string(),
        "track": pa.string(),
        "hardware": pa.string(),
        "scenario": pa.string(),
        "scope": pa.string(),
        "inference_energy_j_per_image": pa.float64(),
        "inference_u95_j_per_image": pa.float64(),
        **_FIGURES,
        **{f"{phase}_energy_j": pa.float64() for phase in ONE_TIME_PHASES},
        **{f"{phase}_provenance": pa.string() for phase in ONE_TIME_PHASES},
    }
)


class Table:
    """Collects rows and writes them in groups."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._rows: list[dict[str, Any]] = []

    def add(self, entry: Entry) -> None:
        """Add the row of an entry; its board, method and result must be there without a query."""
        self._rows.append(_row(entry))
        if len(self._rows) >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the rows collected so far."""
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, SCHEMA))
        self._rows = []


@contextmanager
def table(file: IO[bytes]) -> Iterator[Table]:
    """A table that is written to `file`, complete when the block ends."""
    with pq.ParquetWriter(file, SCHEMA) as writer:
        made = Table(writer)
        yield made
        made.flush()


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.pk,
        "source": entry.source,
        "method": entry.method.title,
        "family": entry.method.family,
        "recipe_sha256": entry.recipe.sha256 if entry.recipe else None,
        "model": entry.published.model if entry.published else None,
        "track": entry.board.track,
        "hardware": entry.board.hardware.name,
        "scenario": entry.board.scenario,
        "scope": entry.board.scope,
        "inference_energy_j_per_image": entry.inference_energy_j,
        "inference_u95_j_per_image": entry.inference_u95_j,
        **{name: getattr(entry, name) for name in _FIGURES},
        **_phases(entry.phases),
    }


def _phases(phases: list[dict[str, Any]]) -> dict[str, Any]:
    """Phases of one name are added up; unknown if one of them is missing, null if there is none."""
    columns: dict[str, Any] = {}
    for name in {part["phase"] for part in phases}:
        parts = [part for part in phases if part["phase"] == name]
        known = all(part["energy_j"] is not None for part in parts)
        columns[f"{name}_energy_j"] = sum(part["energy_j"] for part in parts) if known else None
        columns[f"{name}_provenance"] = str(weakest(Provenance(part["provenance"]) for part in parts))
    return columns
