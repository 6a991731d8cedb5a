"""Finds out which program wrote a text log, and reads it as a table."""

from __future__ import annotations

import re
from pathlib import Path

from measurement.errors import BadInput
from measurement.traces.formats.csv_lines import read_csv
from measurement.traces.formats.dmon import is_dcgm_header, is_nvidia_header, read_dcgm_dmon, read_nvidia_dmon
from measurement.traces.formats.perf import is_perf, read_perf
from measurement.traces.formats.programs import recognize
from measurement.traces.formats.tegrastats import is_tegrastats, read_tegrastats
from measurement.traces.formats.turbostat import is_turbostat_header, read_turbostat
from measurement.traces.table import Table
from measurement.traces.text import decode

_READERS = (
    (is_dcgm_header, read_dcgm_dmon),
    (is_nvidia_header, read_nvidia_dmon),
    (is_tegrastats, read_tegrastats),
    (is_turbostat_header, read_turbostat),
    (is_perf, read_perf),
)
_FOR_EXCEL = re.compile(r'^"?sep=.?"?$', re.IGNORECASE)
_PREAMBLE = 2_000
"""Lines in which turbostat describes the machine before its first header."""


def read_text(path: Path, content: bytes) -> Table:
    """The table that a log's bytes hold. Raises BadInput naming the line at fault."""
    text, notes = decode(path, content)
    lines = text.split("\n")
    first: int | None = None
    for at, line in enumerate(lines):
        if not line.strip() or _FOR_EXCEL.match(line):
            continue
        reader = next((read for is_header, read in _READERS if is_header(line)), None)
        if reader is not None:
            table = reader(path, lines, at)
            break
        if not line.lstrip().startswith("#"):
            first = at if first is None else first
            if at - first >= _PREAMBLE or not lines[first].startswith("turbostat version"):
                table = recognize(read_csv(path, lines, first))
                break
    else:
        if first is not None:
            raise BadInput(f"{path}: turbostat's description of a machine, without a row of figures", field="trace")
        raise BadInput(f"{path}: is empty; at least two samples are required", field="trace")
    table.notes[:0] = notes
    return table
