"""Reads power traces as they come: our Parquet, plain CSV, and logs of `nvidia-smi --query-gpu … --format=csv`."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from measurement.errors import BadInput
from measurement.trace import WindowMark, read_trace

# The board's power of this moment, then whatever `power.draw` means on the board's generation, then the average.
_SMI_PREFERENCE = ("power.draw.instant", "power.draw", "power.draw.average")
_SMI_DEVICE = ("uuid", "gpu_uuid", "pci.bus_id", "gpu_bus_id", "index")
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001
_SMI_STAMP = "%Y/%m/%d %H:%M:%S.%f"

_NUMBER = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(mW|W|kW)?$")
_WATTS = {None: 1.0, "mW": 1e-3, "W": 1.0, "kW": 1e3}
_ABSENT = re.compile(r"^(?:|\[.*\]|N/A|Not Supported)$", re.IGNORECASE)


@dataclass(slots=True)
class Series:
    """Power of one device: seconds and watts, ascending and without duplicates."""

    times_s: list[float]
    powers_w: list[float]


@dataclass(slots=True)
class PowerLog:
    """A trace file as read. `series` has one member a device; `notes` says what was skipped or put right."""

    path: Path
    column: str
    series: list[Series]
    notes: list[str] = field(default_factory=list)
    windows: tuple[WindowMark, ...] = ()


def read_power_log(path: Path, column: str | None = None) -> PowerLog:
    """The samples of one power column: `column`, else the best that the file has.

    Times are seconds as the file has them, or for an nvidia-smi log seconds since its first sample. Raises BadInput
    naming file, line and column for what can't be read, and for fewer than two samples.
    """
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
    except OSError as error:
        raise BadInput(f"{path}: can't be read: {error.strerror}", field="trace") from None
    if is_parquet:
        return _read_parquet(path, column)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _read_csv(path, csv.reader(file, skipinitialspace=True), column)
    except UnicodeDecodeError:
        raise BadInput(f"{path}: neither Parquet nor text in UTF-8", field="trace") from None
    except csv.Error as error:
        raise BadInput(f"{path}: not a CSV file: {error}", field="trace") from None


def _read_parquet(path: Path, column: str | None) -> PowerLog:
    trace = read_trace(path)
    chosen = _choose(path, [name for name in trace.columns if name.endswith("_w")], column)
    samples = []
    skipped = 0
    for row, (time_s, power_w) in enumerate(zip(trace.columns["timestamp_s"], trace.columns[chosen], strict=True), 1):
        if time_s is None or power_w is None or math.isnan(power_w):
            skipped += 1
            continue
        samples.append(
            (_finite(path, f"row {row}", "timestamp_s", time_s), _power(path, f"row {row}", chosen, power_w))
        )
    log = PowerLog(path, chosen, [], windows=trace.windows)
    if skipped:
        log.notes.append(f"{_count(skipped, 'row')} without a reading in {chosen} skipped")
    log.series.append(_series(log, samples))
    return log


@dataclass(frozen=True, slots=True)
class _Table:
    """A CSV file's header, bare of units and as written, and its rows with their line numbers."""

    path: Path
    header: list[str]
    header_cells: list[str]
    rows: list[tuple[int, list[str]]]


def _read_csv(path: Path, reader: Iterator[list[str]], column: str | None) -> PowerLog:
    lines = [(number, row) for number, row in enumerate(reader, 1) if any(cell.strip() for cell in row)]
    if not lines:
        raise BadInput(f"{path}: is empty", field="trace")
    header_cells = lines[0][1]
    table = _Table(path, [_bare(cell) for cell in header_cells], header_cells, lines[1:])
    if "timestamp_s" in table.header:
        offered = [name for name in table.header if name.endswith("_w")]
        return _collect(table, "timestamp_s", _choose(path, offered, column))
    if "timestamp" in table.header and any(name.startswith("power.draw") for name in table.header):
        if column is None:
            return _best_of_smi(table)
        offered = [name for name in table.header if name.startswith("power.")]
        return _collect(table, "timestamp", _choose(path, offered, _bare(column)))
    raise BadInput(
        f"{path}: line {lines[0][0]}: has columns {', '.join(table.header)}; needed are timestamp_s and power_w, or "
        "an nvidia-smi log with its header (--query-gpu=timestamp,power.draw.instant,power.draw --format=csv)",
        field="trace",
    )


def _best_of_smi(table: _Table) -> PowerLog:
    """The first preferred column with readings; older boards answer [N/A] to the instantaneous one."""
    notes: list[str] = []
    offered = [name for name in _SMI_PREFERENCE if name in table.header]
    for position, name in enumerate(offered):
        at = table.header.index(name)
        if position + 1 < len(offered) and all(len(row) <= at or _absent(row[at]) for _, row in table.rows):
            notes.append(f"{name} has no reading at all; took {offered[position + 1]}")
            continue
        log = _collect(table, "timestamp", name)
        log.notes[:0] = notes
        return log
    raise BadInput(f"{table.path}: has none of the columns {', '.join(_SMI_PREFERENCE)}", field="trace")


def _collect(table: _Table, time_column: str, power_column: str) -> PowerLog:
    path, header = table.path, table.header
    time_at, power_at = header.index(time_column), header.index(power_column)
    device_at = next((header.index(name) for name in _SMI_DEVICE if name in header), None)
    log = PowerLog(path, power_column, [])
    devices: dict[str, list[tuple[float, float]]] = {}
    absent = 0
    for number, row in table.rows:
        if row == table.header_cells:
            continue
        where = f"line {number}"
        if len(row) < len(header):
            if number != table.rows[-1][0]:
                raise BadInput(f"{path}: {where}: {len(row)} cells, the header has {len(header)}", field="trace")
            log.notes.append(f"{where}, the last, is cut off and was skipped")
            continue
        if _absent(row[power_at]):
            absent += 1
            continue
        sample = (_time_s(path, where, time_column, row[time_at]), _watts(path, where, power_column, row[power_at]))
        devices.setdefault(row[device_at].strip() if device_at is not None else "", []).append(sample)
    if absent:
        log.notes.append(f"{_count(absent, 'cell')} of {power_column} without a reading ([N/A] or empty) skipped")
    if len(devices) > 1:
        log.notes.append(f"{len(devices)} GPUs in this log: their joules are added")
    zero_s = min((time for samples in devices.values() for time, _ in samples), default=0.0)
    shift_s = zero_s if time_column == "timestamp" else 0.0
    for samples in devices.values() or [[]]:
        log.series.append(_series(log, [(time_s - shift_s, power_w) for time_s, power_w in samples]))
    return log


def _series(log: PowerLog, samples: Sequence[tuple[float, float]]) -> Series:
    """Ascending and unique, with notes on what was out of order, doubled, or far apart."""
    if len(samples) < 2:
        found = "no sample" if not samples else "only one sample"
        raise BadInput(f"{log.path}: {found} in column {log.column}; an energy needs at least two", field="trace")
    backward = sum(after[0] < before[0] for before, after in pairwise(samples))
    if backward:
        log.notes.append(f"time stepped back {_count(backward, 'time')}: samples were sorted")
    unique = dict(sorted(samples, key=lambda sample: sample[0]))
    if len(unique) < len(samples):
        doubled = _count(len(samples) - len(unique), "sample")
        log.notes.append(f"{doubled} had the stamp of another: the later of the two was taken")
    times = list(unique)
    if len(times) < 2:
        raise BadInput(f"{log.path}: all samples bear one and the same time; an energy needs two", field="trace")
    steps = [after - before for before, after in pairwise(times)]
    usual_s = sorted(steps)[len(steps) // 2]
    gaps = [step for step in steps if step > max(1.0, 5 * usual_s)]
    if gaps:
        log.notes.append(
            f"{_count(len(gaps), 'gap')} in a trace of {usual_s:.3g} s steps, the longest {max(gaps):.3g} s: the "
            "power before each was held over it"
        )
    return Series(times, list(unique.values()))


def _choose(path: Path, offered: Iterable[str], column: str | None) -> str:
    names = list(offered)
    if column is not None:
        if column not in names:
            raise BadInput(f"{path}: no power column {column!r}; it has {', '.join(names) or 'none'}", field="column")
        return column
    if "power_w" in names:
        return "power_w"
    if len(names) == 1:
        return names[0]
    found = f"several power columns ({', '.join(names)}): choose with --column" if names else "no power column"
    raise BadInput(f"{path}: has no column power_w and {found}", field="column")


def _bare(cell: str) -> str:
    """A column's name without nvidia-smi's unit: `power.draw [W]` is `power.draw`."""
    return re.sub(r"\s*\[\w+\]$", "", cell.strip())


def _absent(cell: str) -> bool:
    return _ABSENT.match(cell.strip()) is not None


def _watts(path: Path, where: str, column: str, cell: str) -> float:
    matched = _NUMBER.match(cell.strip())
    if matched is None:
        raise BadInput(
            f"{path}: {where}, column {column}: {cell.strip()[:40]!r} is not a power in watts", field="trace"
        )
    return _power(path, where, column, float(matched[1]) * _WATTS[matched[2]])


def _power(path: Path, where: str, column: str, power_w: float) -> float:
    if _finite(path, where, column, power_w) < 0:
        raise BadInput(f"{path}: {where}, column {column}: power is negative ({power_w:g} W)", field="trace")
    return power_w


def _time_s(path: Path, where: str, column: str, cell: str) -> float:
    text = cell.strip()
    try:
        if column == "timestamp":
            # nvidia-smi tells no zone: only differences of these stamps are used.
            return (datetime.strptime(text, _SMI_STAMP) - _EPOCH).total_seconds()  # noqa: DTZ007
        return _finite(path, where, column, float(text))
    except ValueError:
        wanted = "a date such as 2026/01/31 12:00:00.000" if column == "timestamp" else "seconds"
        raise BadInput(f"{path}: {where}, column {column}: {text[:40]!r} is not {wanted}", field="trace") from None


def _finite(path: Path, where: str, column: str, value: float) -> float:
    if not math.isfinite(value):
        raise BadInput(f"{path}: {where}, column {column}: {value} is not a number", field="trace")
    return float(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
