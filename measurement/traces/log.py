"""Reads power traces in several formats: our Parquet, plain CSV, logs of nvidia-smi (query and dmon) and of Zeus."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from measurement.errors import BadInput
from measurement.traces.cells import (
    Place,
    checked_power,
    checked_time,
    is_absent,
    is_number,
    is_stamp,
    seconds,
    stamp_ns,
    uses_decimal_commas,
    watts,
)
from measurement.traces.series import Sample, Series, count, samples_per_stamp, series_of
from measurement.traces.table import Table, name_of, read_bytes, read_table
from measurement.traces.trace import WindowMark, read_trace

ALL_GPUS = "all"

# The board's present power, then `power.draw`, whose meaning depends on the board, then the average.
_SMI_PREFERENCE = ("power.draw.instant", "power.draw", "power.draw.average")
_DEVICE_COLUMNS = ("index", "uuid", "gpu_uuid", "pci.bus_id", "gpu_bus_id", "serial", "gpu_serial")
_TIME = re.compile(r"^(?:timestamp|time|elapsed)_(s|ms|us|ns)$")
_POWER = re.compile(r"^(?:.*_)?(mw|w|kw)$")
_STAMPED = ("timestamp", "time", "date", "datetime")
_ZEUS_POWER = re.compile(r"^power(\d+)$")
_ZEUS_STAMP = re.compile(r"\d\d:\d\d:\d\d\.\d{9}$")

_NO_TRACES = (
    (
        {"emissions", "energy_consumed"},
        "a CodeCarbon summary, one line per run, not a power trace; its energies are in energy_consumed, in kWh",
    ),
    (
        {"window_name", "elapsed_time"},
        "a log of Zeus's measurement windows, not a power trace; its energies are in gpu0_energy …, in joules",
    ),
)


@dataclass(slots=True)
class PowerLog:
    """A trace file as read. `series` has one member per device; `notes` says what was skipped or corrected."""

    path: Path
    column: str
    series: list[Series]
    notes: list[str] = field(default_factory=list)
    windows: tuple[WindowMark, ...] = ()


def read_power_log(path: Path, column: str | None = None, gpu: str | None = None) -> PowerLog:
    """The samples of one power column: `column`, else the best that the file has.

    gpu: which device of a log of several, by index, UUID or bus id; `all` adds them up. Times are seconds as in the
    file, or since its first sample if it has date stamps. Raises BadInput naming file, line and column for what can't
    be read, and for fewer than two samples.
    """
    content = read_bytes(path)
    if content.startswith(b"PAR1"):
        return _read_parquet(path, column, gpu)
    table = read_table(path, content)
    for columns, what in _NO_TRACES:
        if columns <= set(table.header):
            raise BadInput(f"{path}: line {table.header_line}: this is {what}", field="trace")
    if any(_ZEUS_POWER.match(name) for name in table.header) and "time" in table.header:
        return _read_zeus(table, column, gpu)
    if "timestamp" in table.header and any("power.draw" in name for name in table.header):
        return _read_smi(table, column, gpu)
    if table.header == ["time", "power"]:
        return _read_zeus_monitor(table, gpu)
    return _read_plain(table, column, gpu)


def _read_parquet(path: Path, column: str | None, gpu: str | None) -> PowerLog:
    trace = read_trace(path)
    if gpu is not None:
        raise BadInput(f"{path}: not supported for Parquet; choose a device with --column", field="--gpu")
    chosen = _choose(path, [name for name in trace.columns if name.endswith("_w")], column)
    log = PowerLog(path, chosen, [], windows=trace.windows)
    samples = []
    for row, (time_s, power_w) in enumerate(zip(trace.columns["timestamp_s"], trace.columns[chosen], strict=True), 1):
        if time_s is not None and power_w is not None:
            place = Place(path, f"row {row}")
            at_s = checked_time(place.of("timestamp_s"), time_s)
            samples.append(Sample(at_s, checked_power(place.of(chosen), power_w), place))
    skipped = len(trace.columns["timestamp_s"]) - len(samples)
    if skipped:
        log.notes.append(f"{count(skipped, 'row')} without a reading in {chosen} skipped")
    log.series.append(series_of(samples, log.notes, whose=f"{path}: column {chosen}"))
    return log


def _read_plain(table: Table, column: str | None, gpu: str | None) -> PowerLog:
    time_column = next((name for name in table.header if _TIME.match(name)), None)
    stamped = next((name for name in _STAMPED if name in table.header), None)
    offered = [name for name in table.header if _POWER.match(name) and not _TIME.match(name)]
    if time_column is None and stamped is not None and table.rows:
        first = table.column(stamped)[0]
        if is_number(first):
            raise table.place(table.header_line, stamped).fault(
                f"{first[:40]} has no unit: name the column timestamp_s or timestamp_ms"
            )
        time_column = stamped
    if time_column is None or (not offered and column is None):
        raise table.place(table.header_line).fault(
            f"has columns {', '.join(table.header)}; required are timestamp_s and power_w, or a log of nvidia-smi "
            "(--query-gpu=timestamp,index,power.draw.instant,power.draw --format=csv) or of Zeus's PowerMonitor"
        )
    return _collect(table, time_column, {_choose(table.path, offered, column): ""}, gpu)


def _read_smi(table: Table, column: str | None, gpu: str | None) -> PowerLog:
    """`column`, else the first preferred one with readings: older boards report [N/A] for the instantaneous one."""
    if column is not None:
        chosen = _choose(table.path, [name for name in table.header if "power.draw" in name], name_of(column))
        return _collect(table, "timestamp", {chosen: ""}, gpu)
    notes: list[str] = []
    offered = [name for name in _SMI_PREFERENCE if name in table.header]
    if not offered:
        offered = [_choose(table.path, [name for name in table.header if "power.draw" in name], None)]
    devices = _devices(table, gpu)
    for position, name in enumerate(offered):
        cells = [cell for device, cell in zip(devices, table.column(name), strict=True) if device is not None]
        if position + 1 < len(offered) and all(is_absent(cell) for cell in cells):
            notes.append(f"{name} has no readings; used {offered[position + 1]}")
            continue
        log = _collect(table, "timestamp", {name: ""}, gpu)
        log.notes[:0] = notes
        return log
    raise AssertionError("the last of the offered columns is always collected")


def _read_zeus(table: Table, column: str | None, gpu: str | None) -> PowerLog:
    """A log of zeus.monitor.PowerMonitor: no header, seconds since 1970, then the watts of each GPU."""
    columns = {name: found[1] for name in table.header if (found := _ZEUS_POWER.match(name))}
    if column is not None:
        columns = {_choose(table.path, list(columns), column): ""}
    log = _collect(table, "time", columns, gpu)
    log.notes.insert(0, "read as a log of Zeus's PowerMonitor: seconds since 1970, then the watts of each GPU")
    return log


def _read_zeus_monitor(table: Table, gpu: str | None) -> PowerLog:
    """Zeus's older program zeus_monitor: `Time,Power`, stamps of nine digits, milliwatts without a unit."""
    if not table.rows or not all(_ZEUS_STAMP.search(cell) for cell in table.column("time")[:10]):
        raise table.place(table.header_line).fault(
            "column power has no unit: name it power_w or power_mw (and a numeric time timestamp_s)"
        )
    table.units[1] = "mW"
    log = _collect(table, "time", {"power": ""}, gpu)
    log.notes.insert(0, "read as a log of Zeus's zeus_monitor: power in milliwatts")
    return log


def _collect(table: Table, time_column: str, columns: dict[str, str], gpu: str | None) -> PowerLog:
    """The samples of `columns` (name -> device; several only if each is a device's)."""
    log = PowerLog(table.path, " + ".join(columns), [])
    found = _samples_by_device(table, time_column, columns, gpu, log.notes)
    if len(found) > 1 and gpu is None:
        raise BadInput(
            f"{table.path}: {len(found)} GPUs in this log ({', '.join(found)}); choose one with --gpu, or "
            f"--gpu {ALL_GPUS} for their sum",
            field="--gpu",
        )
    if len(columns) > 1 and gpu not in (None, ALL_GPUS):
        log.column = next(name for name, device in columns.items() if device in found)
    if len(found) > 1:
        log.notes.append(f"{len(found)} GPUs in this log ({', '.join(found)}): their joules are added")
    for device, samples in (found or {"": []}).items():
        from_smi = device == "" and "power.draw" in log.column
        if from_smi and len(samples) > 1 and (size := samples_per_stamp(samples)) > 1:
            raise BadInput(
                f"{table.path}: samples come {size} at a time, as from {size} GPUs, and no column distinguishes "
                "them; log with --query-gpu=timestamp,index,power.draw, or one GPU alone (-i 0)",
                field="trace",
            )
        whose = f"{table.path}: column {log.column}" + (f", GPU {device}" if device else "")
        log.series.append(series_of(samples, log.notes, device=device, whose=whose))
    log.notes[:0] = table.notes
    return log


def _samples_by_device(
    table: Table, time_column: str, columns: dict[str, str], gpu: str | None, notes: list[str]
) -> dict[str, list[Sample]]:
    time_at = table.header.index(time_column)
    power_ats = [(table.header.index(name), name, device) for name, device in columns.items()]
    time_s = _clock(table, time_at, [at for at, _, _ in power_ats])
    commas = _decimal_commas(table, [time_at, *(at for at, _, _ in power_ats)])
    devices = _devices(table, gpu) if not any(columns.values()) else [""] * len(table.rows)
    found: dict[str, list[Sample]] = {}
    absent = 0
    for (number, row), row_device in zip(table.rows, devices, strict=True):
        if row_device is None:
            continue
        place = table.place(number)
        for at, name, device in power_ats:
            if device and gpu not in (None, ALL_GPUS, device, name):
                continue
            if is_absent(row[at]):
                absent += 1
                continue
            power_w = watts(place.of(name), row[at], _unit_of(table, at), commas)
            sample = Sample(time_s(place.of(time_column), row[time_at], commas), power_w, place)
            found.setdefault(device or row_device, []).append(sample)
    if absent:
        notes.append(f"{count(absent, 'cell')} of {', '.join(columns)} without a reading ([N/A] or empty) skipped")
    if gpu not in (None, ALL_GPUS) and any(columns.values()) and not found:
        raise BadInput(f"{table.path}: no GPU {gpu!r}; it has {', '.join(columns.values())}", field="--gpu")
    return found


def _clock(table: Table, time_at: int, power_ats: Sequence[int]) -> Callable[[Place, str, bool], float]:
    """Reads the time column: a number in the unit of its name, or date stamps since the first of a sample."""
    name = table.header[time_at]
    if matched := _TIME.match(name):
        return lambda place, cell, commas: seconds(place, cell, matched[1], commas)
    if name == "time" and not any(is_stamp(row[time_at]) for _, row in table.rows[:1]):
        return lambda place, cell, commas: seconds(place, cell, "s", commas)
    stamps = [
        stamp_ns(table.place(number, name), row[time_at])
        for number, row in table.rows
        if not all(is_absent(row[at]) for at in power_ats)
    ]
    zero_ns = min(stamps, default=0)
    return lambda place, cell, commas: (stamp_ns(place, cell) - zero_ns) / 1e9


def _decimal_commas(table: Table, ats: Iterable[int]) -> bool:
    return uses_decimal_commas(
        (table.place(number, table.header[at]), row[at]) for at in ats for number, row in table.rows
    )


def _unit_of(table: Table, at: int) -> str:
    """The unit in a column's title: in brackets, or after its last underscore."""
    if table.units[at].lower() in ("mw", "w", "kw"):
        return table.units[at]
    matched = _POWER.match(table.header[at])
    return matched[1] if matched else ""


def _devices(table: Table, gpu: str | None) -> list[str | None]:
    """For each row its device, None if it is not `gpu`."""
    ats = [table.header.index(name) for name in _DEVICE_COLUMNS if name in table.header]
    if not ats:
        if gpu is not None:
            raise BadInput(
                f"{table.path}: this log has no column that distinguishes GPUs; leave --gpu out", field="--gpu"
            )
        return [""] * len(table.rows)
    labels = [row[ats[0]] for _, row in table.rows]
    if gpu in (None, ALL_GPUS):
        return list(labels)
    chosen: list[str | None] = [
        label if gpu in (row[at] for at in ats) else None for label, (_, row) in zip(labels, table.rows, strict=True)
    ]
    if not any(label is not None for label in chosen):
        known = ", ".join(dict.fromkeys(labels)) or "none"
        raise BadInput(f"{table.path}: no GPU {gpu!r}; it has {known}", field="--gpu")
    return chosen


def _choose(path: Path, offered: Sequence[str], column: str | None) -> str:
    if column is not None:
        found = next((name for name in offered if name.lower() == column.lower()), None)
        if found is None:
            there = ", ".join(offered) or "none"
            raise BadInput(f"{path}: no power column {column!r}; it has {there}", field="--column")
        return found
    if "power_w" in offered:
        return "power_w"
    if len(offered) == 1:
        return offered[0]
    found = (
        f"several power columns ({', '.join(offered)}); choose one with --column" if offered else "no power column"
    )
    raise BadInput(f"{path}: has no column power_w and {found}", field="--column")
