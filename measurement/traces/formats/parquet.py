"""Parquet files of others as tables of text, so that they are read by the same rules as CSV."""

from __future__ import annotations

import io
from pathlib import Path

from measurement.errors import BadInput
from measurement.traces.table import Table
from measurement.traces.trace import METADATA_KEY
from measurement.traces.units import Title, title_of


def is_ours(path: Path, content: bytes) -> bool:
    """Whether a Parquet file is a trace of `measurement`. Raises BadInput if it can't be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return METADATA_KEY in (pq.read_schema(io.BytesIO(content)).metadata or {})
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path}: not a Parquet file: {' '.join(str(error).split())}", field="trace") from None


def read_parquet(path: Path, content: bytes) -> Table:
    """All columns of plain values as text; a duration is one of seconds. Raises BadInput for a damaged file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        whole = pq.read_table(io.BytesIO(content), use_threads=len(content) > 1 << 20)
        titles: list[Title] = []
        columns: list[list[str]] = []
        for field, values in zip(whole.schema, whole.itercolumns(), strict=True):
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
                continue
            said = title_of(field.name)
            plain = values
            if pa.types.is_duration(kind):
                plain = values.cast(pa.duration("ns"), safe=False).cast(pa.int64())
                said = Title(said.text, said.name, time_unit="ns")
            elif pa.types.is_float16(kind):
                plain = values.cast(pa.float32())
            titles.append(said)
            columns.append([("" if value is None else value) for value in plain.cast(pa.string()).to_pylist()])
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path}: not a Parquet file: {' '.join(str(error).split())}", field="trace") from None
    rows = [(number, list(cells)) for number, cells in enumerate(zip(*columns, strict=True), 1)]
    return Table(path, titles, rows, noun="row")
