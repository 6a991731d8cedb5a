"""Reads power traces in several formats: our Parquet, and the logs of other programs (`formats/`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from measurement.errors import BadInput
from measurement.traces.cells import Place, checked_power, checked_time, is_absent, uses_decimal_commas, watts
from measurement.traces.clock import interval_times, is_local, row_times, time_column
from measurement.traces.columns import ALL_GPUS, Chosen, asked_unit, choose
from measurement.traces.devices import Devices, chosen_labels, device_columns, devices_of
from measurement.traces.formats.parquet import is_ours, read_parquet
from measurement.traces.formats.recognized import read_text
from measurement.traces.guards import Sample
from measurement.traces.series import Manner, Series, called, count, series_of
from measurement.traces.table import Table
from measurement.traces.text import read_bytes
from measurement.traces.trace import Trace, WindowMark, read_trace, thinned_notes


@dataclass(slots=True)
class PowerLog:
    """A trace file as read. `series` has one member per device; `notes` says what was skipped or corrected.

    scope: what the joules of the column cover, None if the format doesn't say.
    """

    path: Path
    column: str
    series: list[Series]
    notes: list[str] = field(default_factory=list)
    windows: tuple[WindowMark, ...] = ()
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a log: a column, its unit, a device, the time between samples of a log without times."""

    column: str | None = None
    gpu: str | None = None
    unit: str | None = None
    interval_s: float | None = None


def read_power_log(path: Path, wanted: Wanted) -> PowerLog:
    """The samples of one power column, or of one for each device.

    Times are seconds as in the file, or since its first sample if it has dates. Raises BadInput naming file, line and
    column for what can't be read, for several devices unless one or all are chosen, and for fewer than two samples.
    """
    if wanted.interval_s is not None and not 0 < wanted.interval_s < float("inf"):
        raise BadInput(f"must be a number of seconds above 0 (got {wanted.interval_s:g})", field="--interval")
    content = read_bytes(path)
    if not content.startswith(b"PAR1"):
        return _read_table(read_text(path, content), wanted)
    if is_ours(path, content):
        return _read_ours(path, wanted)
    return _read_table(read_parquet(path, content), wanted)


def _read_ours(path: Path, wanted: Wanted) -> PowerLog:
    """A trace of the meter: `power_w`, or a component's column, or those of the GPUs."""
    trace = read_trace(path)
    offered = [name for name in trace.columns if name.endswith("_w")]
    gpus = {name: name[3:-2] for name in offered if name.startswith("gpu") and name[3:-2].isdigit()}
    if asked_unit(wanted.unit) not in (None, "W"):
        raise BadInput(f"{path}: a trace of the meter is in watts; leave --unit out", field="--unit")
    if wanted.interval_s is not None:
        raise BadInput(f"{path}: this trace has times; leave --interval out", field="--interval")
    if wanted.column is None and wanted.gpu is not None:
        labels = chosen_labels(path, {label: {name} for name, label in gpus.items()} or {"": set()}, wanted.gpu)
        chosen = {name: label for name, label in gpus.items() if label in labels} or {"power_w": ""}
    else:
        name = next((name for name in offered if name.lower() == (wanted.column or "power_w").lower()), None)
        if name is None:
            raise BadInput(
                f"{path}: no power column {wanted.column or 'power_w'!r}; it has {', '.join(offered) or 'none'}",
                field="--column",
            )
        chosen = {name: ""}
    log = PowerLog(path, " + ".join(chosen), [], windows=trace.windows)
    log.notes += thinned_notes(trace)
    manner = Manner(ours=True, thinned=bool(log.notes))
    for name, device in chosen.items():
        samples = _ours(path, trace, name)
        skipped = len(trace.columns["timestamp_s"]) - len(samples)
        if skipped:
            log.notes.append(f"{count(skipped, 'row')} without a reading in {name} skipped")
        whose = f"{path}: column {name}"
        log.series.append(series_of(samples, log.notes, device=device, whose=whose, manner=manner))
    return log


def _ours(path: Path, trace: Trace, name: str) -> list[Sample]:
    samples = []
    for row, (time_s, power_w) in enumerate(zip(trace.columns["timestamp_s"], trace.columns[name], strict=True), 1):
        if time_s is not None and power_w is not None:
            place = Place(path, f"row {row}")
            at_s = checked_time(place.of("timestamp_s"), time_s)
            samples.append(Sample(at_s, checked_power(place.of(name), power_w), place))
    return samples


def _read_table(table: Table, wanted: Wanted) -> PowerLog:
    time_at = time_column(table)
    if time_at is not None and wanted.interval_s is not None:
        raise BadInput(f"{table.path}: this log has times; leave --interval out", field="--interval")
    taken = [*device_columns(table), *([] if time_at is None else [time_at])]
    candidates = choose(table, wanted.column, wanted.unit, wanted.gpu, taken)
    ats = list(dict.fromkeys(at for chosen in candidates for at in chosen.devices))
    needed = [not all(is_absent(row[at]) for at in ats) for _, row in table.rows]
    read = [*ats, *([] if time_at is None else [time_at])]
    commas = any("," in row[at] for _, row in table.rows for at in read) and uses_decimal_commas(
        (table.place(number, at), row[at]) for at in read for number, row in table.rows
    )
    if time_at is None and wanted.interval_s is not None:
        of_rows = devices_of(table, [None] * len(table.rows))
        times: Sequence[float | None] = interval_times(table, of_rows.of_rows, wanted.interval_s)
    else:
        times = row_times(table, time_at, needed, commas)
        of_rows = devices_of(table, times)
    manner = Manner(table.program.holds, is_local(table, time_at), 0.0 if table.program.starts_at_zero else None)
    return _Reading(table, times, of_rows, manner, commas).log(candidates, wanted.gpu)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A table with the time and the device of each row."""

    table: Table
    times: Sequence[float | None]
    rows: Devices
    manner: Manner
    commas: bool

    def log(self, candidates: Sequence[Chosen], gpu: str | None) -> PowerLog:
        """The best of the candidates in which each device that is wanted has a reading."""
        notes: list[str] = []
        for position, chosen in enumerate(candidates):
            labels = chosen_labels(self.table.path, self._aliases(chosen), gpu)
            without = [label for label in labels if not self._has_reading(chosen, label)]
            name = self._column(chosen, labels)
            if position + 1 < len(candidates) and without:
                of = "" if len(without) == len(labels) else f" of GPU {', '.join(without)}"
                following = self._column(candidates[position + 1], labels)
                notes.append(f"{name} has no readings{of}; used {following}")
                continue
            return self._integrable(chosen, labels, gpu, notes)
        raise AssertionError("the last of the candidates is always read")

    def _integrable(self, chosen: Chosen, labels: list[str], gpu: str | None, notes: list[str]) -> PowerLog:
        path, program = self.table.path, self.table.program
        if len(labels) > 1 and gpu is None:
            by = (
                f" (column {self.rows.columns} distinguishes them; delete it if it doesn't)"
                if self.rows.columns
                else ""
            )
            raise BadInput(
                f"{path}: {len(labels)} GPUs in this log ({', '.join(labels)}); choose one with --gpu, or "
                f"--gpu {ALL_GPUS} for their sum{by}",
                field="--gpu",
            )
        log = PowerLog(path, self._column(chosen, labels), [], scope=program.scopes.get(self._column(chosen, labels)))
        log.notes = [*self.table.notes, *program.notes, *notes, *chosen.notes]
        if len(labels) > 1:
            log.notes.append(f"{len(labels)} GPUs in this log ({', '.join(labels)}): their joules are added")
        found: dict[str, list[Sample]] = {label: [] for label in labels}
        seen: dict[str, list[float]] = {label: [] for label in labels}
        absent = 0
        for (number, row), time_s, device in zip(self.table.rows, self.times, self.rows.of_rows, strict=True):
            for at in chosen.devices:
                label = self._label(device, chosen.devices[at])
                if label not in found:
                    continue
                if time_s is not None:
                    seen[label].append(time_s)
                if is_absent(row[at]) or time_s is None:
                    absent += 1
                    continue
                power_w = watts(self.table.place(number, at), row[at], chosen.units[at], self.commas)
                found[label].append(Sample(time_s, power_w, self.table.place(number)))
        if absent:
            names = ", ".join(self.table.titles[at].name for at in chosen.devices)
            log.notes.append(
                f"{count(absent, 'row')} without a reading in {names} skipped"
                if self.table.noun == "row"
                else f"{count(absent, 'cell')} of {names} without a reading ([N/A] or empty) skipped"
            )
        for label, samples in found.items():
            whose = f"{path}: column {log.column}" + (f", {called(label)}" if label else "")
            series = series_of(samples, log.notes, device=label, whose=whose, manner=self.manner)
            series.seen_s = (min(series.seen_s[0], *seen[label]), max(series.seen_s[1], *seen[label]))
            log.series.append(series)
        return log

    def _label(self, device: str, column: str) -> str:
        """A row's device, a column's, or both. A column's comes alone if all rows are of one device."""
        if not column:
            return device
        return column if len(self.rows.aliases) == 1 else f"{device}/{column}"

    def _aliases(self, chosen: Chosen) -> dict[str, frozenset[str]]:
        aliases: dict[str, frozenset[str]] = {}
        for device, said in self.rows.aliases.items():
            for at, column in chosen.devices.items():
                title = self.table.titles[at]
                aliases[self._label(device, column)] = (
                    frozenset((column.lower(), title.name, title.text.lower())) if column else said
                )
        return aliases

    def _has_reading(self, chosen: Chosen, label: str) -> bool:
        return any(
            self._label(device, column) == label and not is_absent(row[at])
            for (_, row), device in zip(self.table.rows, self.rows.of_rows, strict=True)
            for at, column in chosen.devices.items()
        )

    def _column(self, chosen: Chosen, labels: list[str]) -> str:
        names = [
            self.table.titles[at].name
            for at, column in chosen.devices.items()
            if any(self._label(device, column) in labels for device in self.rows.aliases)
        ]
        return " + ".join(names)
