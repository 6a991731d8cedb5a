"""Power traces as the worker writes them, of the samples that a test gives."""

import io

import pyarrow as pa
import pyarrow.parquet as pq


def trace(times, powers):
    file = io.BytesIO()
    pq.write_table(
        pa.table({"timestamp_s": pa.array(times, pa.float64()), "power_w": pa.array(powers, pa.float64())}), file
    )
    return io.BytesIO(file.getvalue())
