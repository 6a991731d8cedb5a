"""Recomputes joules from a power trace, ours or another tool's, so that anyone can check a published figure."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from measurement.accounting import step_integral
from measurement.errors import BadInput, MeasurementError
from measurement.traces.columns import ALL_GPUS
from measurement.traces.log import PowerLog, Wanted, read_power_log
from measurement.traces.series import Series, called, count
from measurement.traces.trace import WindowMark

Stretch = tuple[float, float]
"""Seconds from and to."""


@dataclass(frozen=True, slots=True)
class Integral:
    """Joules of one power column over a stretch of time; `samples` counts the readings inside it.

    scope: what the joules cover, None if the format of the log doesn't say.
    """

    energy_j: float
    duration_s: float
    samples: int
    column: str
    start_s: float
    end_s: float
    notes: list[str] = field(default_factory=list)
    scope: str | None = None

    @property
    def mean_power_w(self) -> float | None:
        """None over no time at all."""
        return self.energy_j / self.duration_s if self.duration_s > 0 else None


def integrate_trace(
    path: Path | str,
    start: float | None = None,
    end: float | None = None,
    column: str | None = None,
    *,
    window: str | None = None,
    gpu: str | None = None,
    unit: str | None = None,
    interval: float | None = None,
) -> Integral:
    """Joules of a power trace as a step function: each sample holds until the next, and out to the edges.

    path: our Parquet, or another tool's log (see `measurement.traces.log`).
    start, end: seconds on the trace's clock (since the first sample of a log with date stamps); by default all.
    column: the power column, and unit: its unit (uW, mW, W, kW) if its title has none.
    gpu: which device of several, or `all` for their sum, each over what was read of it.
    window: the name of a window of our own traces, whose pauses are left out.
    interval: seconds between two samples of a log that has no times.
    Raises BadInput naming file, line and column, or the option at fault.
    """
    log = read_power_log(Path(path), Wanted(column, gpu, unit, interval))
    first_s, last_s = _span(log)
    if window is not None:
        if start is not None or end is not None:
            raise BadInput(
                "can't be combined with --start and --end: a window has its own edges; leave them out",
                field="--window",
            )
        mark = _find_window(log, window)
        stretches = mark.stretches()
    else:
        stretches = [(first_s if start is None else start, last_s if end is None else end)]
        _check_stretch(stretches[0], first_s, last_s)
    read = [(series, _read_of(series, stretches, alone=len(log.series) == 1)) for series in log.series]
    energy_j = math.fsum(
        step_integral(series.times_s, series.powers_w, *stretch) for series, of_it in read for stretch in of_it
    )
    start_s, end_s = stretches[0][0], stretches[-1][1]
    notes = [*log.notes, *_notes(log, window, start_s, end_s), *_interval_notes(log, start_s, end_s)]
    inside = sum(
        any(from_s <= time_s <= until_s for from_s, until_s in stretches)
        for series in log.series
        for time_s in series.times_s
    )
    duration_s = math.fsum(until_s - from_s for from_s, until_s in stretches)
    notes += _gap_notes(read, energy_j)
    return Integral(energy_j, duration_s, inside, log.column, start_s, end_s, notes, log.scope)


def _read_of(series: Series, stretches: list[Stretch], *, alone: bool) -> list[Stretch]:
    """The stretches, of one device of several only as far as it was read."""
    if alone:
        return stretches
    clipped = [(max(start_s, series.times_s[0]), min(end_s, series.times_s[-1])) for start_s, end_s in stretches]
    return [(start_s, end_s) for start_s, end_s in clipped if start_s < end_s]


def _span(log: PowerLog) -> tuple[float, float]:
    """The times of the first and the last sample."""
    return min(series.times_s[0] for series in log.series), max(series.times_s[-1] for series in log.series)


def _check_stretch(stretch: tuple[float, float], first_s: float, last_s: float) -> None:
    start_s, end_s = stretch
    for name, value in (("start", start_s), ("end", end_s)):
        if not math.isfinite(value):
            raise BadInput(f"must be a number of seconds (got {value})", field=f"--{name}")
    runs = f"the trace runs from {first_s:.15g} s to {last_s:.15g} s"
    if end_s < start_s:
        raise BadInput(f"{end_s:.15g} s is before --start, {start_s:.15g} s; {runs}", field="--end")
    if start_s > last_s or end_s < first_s:
        outside = "--start" if start_s > last_s else "--end"
        raise BadInput(f"no sample between {start_s:.15g} s and {end_s:.15g} s: {runs}", field=outside)


def _find_window(log: PowerLog, name: str) -> WindowMark:
    found = [mark for mark in log.windows if mark.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(
            f"{log.path}: {len(found)} windows are named {name!r}: use --start and --end", field="--window"
        )
    names = ", ".join(mark.name for mark in log.windows) or "none"
    raise BadInput(f"{log.path}: no window {name!r}; it has {names}", field="--window")


def _notes(log: PowerLog, window: str | None, start_s: float, end_s: float) -> list[str]:
    notes = []
    first_s, last_s = _span(log)
    if start_s < first_s or end_s > last_s:
        held = "the nearest power was held" if len(log.series) == 1 else "nothing was added for the time beyond"
        notes.append(f"the window reaches beyond the samples ({first_s:g} to {last_s:g} s): {held}")
    pauses = [
        pause
        for mark in log.windows
        for pause in mark.pauses
        if pause[0] < end_s and pause[1] > start_s and not window
    ]
    if pauses:
        noun = "pause" if len(pauses) == 1 else "pauses"
        notes.append(f"{len(pauses)} {noun} inside count too; --window NAME leaves a window's pauses out")
    return notes


def _interval_notes(log: PowerLog, start_s: float, end_s: float) -> list[str]:
    """Notes on devices that start late, end early or were lost, with the time in which they were read."""
    first_s = max(start_s, min(series.seen_s[0] for series in log.series))
    last_s = max(series.seen_s[1] for series in log.series)
    if log.windows or end_s < _span(log)[1]:
        last_s = min(end_s, last_s)
    notes = []
    for series in log.series:
        begins_s, ends_s, limit_s = series.times_s[0], series.times_s[-1], 1.5 * series.usual_step_s
        if begins_s - first_s > limit_s or last_s - ends_s > limit_s:
            who = called(series.device) if series.device else "the device"
            notes.append(
                f"{who} was read from {begins_s:.6g} to {ends_s:.6g} s, of {first_s:.6g} to {last_s:.6g} s: "
                "it counts for this time alone"
            )
    return notes


def _gap_notes(read: list[tuple[Series, list[Stretch]]], energy_j: float) -> list[str]:
    """Notes on energy that was not sampled: the power before a gap, held over it."""
    parts = [
        (until_s - from_s, (until_s - from_s) * gap.power_w)
        for series, stretches in read
        for gap in series.gaps
        for start_s, end_s in stretches
        if (until_s := min(gap.end_s, end_s)) > (from_s := max(gap.start_s, start_s))
    ]
    if not parts:
        return []
    held_j = math.fsum(joules for _, joules in parts)
    share = f", {held_j / energy_j:.2g} of the whole" if energy_j > 0 else ""
    longest_s = max(length_s for length_s, _ in parts)
    return [
        f"{count(len(parts), 'gap')} without samples, the longest {longest_s:.3g} s: the power before each was held "
        f"over it, {held_j:.4g} J{share}"
    ]


def add_integrate_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m measurement integrate`."""
    parser.add_argument("trace", type=Path, help="our Parquet, CSV with timestamp_s,power_w, or another tool's log")
    parser.add_argument(
        "--start", type=float, metavar="T", help="seconds on the trace's clock; default its beginning"
    )
    parser.add_argument("--end", type=float, metavar="T", help="seconds on the trace's clock; default its end")
    parser.add_argument("--column", metavar="NAME", help="power column; default power_w, or the instantaneous one")
    parser.add_argument("--unit", metavar="UNIT", help="its unit, if its title has none: uW, mW, W or kW")
    parser.add_argument(
        "--interval", type=float, metavar="S", help="seconds between two samples, for a log without times"
    )
    parser.add_argument(
        "--gpu", metavar="ID", help=f"which GPU of a log of several: index, UUID or bus id; {ALL_GPUS} adds them up"
    )
    parser.add_argument("--window", metavar="NAME", help="a window of our own trace, without its pauses")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def fault_line(error: MeasurementError) -> str:
    """A fault as all commands print it: after the option at fault, if there is one."""
    return f"{error.field}: {error}\n" if error.field.startswith("--") else f"{error}\n"


def run_integrate(arguments: argparse.Namespace) -> int:
    """Print the joules of a trace; faults go to standard error, one line. Returns the exit code."""
    try:
        integral = integrate_trace(
            arguments.trace,
            arguments.start,
            arguments.end,
            arguments.column,
            window=arguments.window,
            gpu=arguments.gpu,
            unit=arguments.unit,
            interval=arguments.interval,
        )
    except MeasurementError as error:
        sys.stderr.write(fault_line(error))
        return error.exit_code
    if arguments.json:
        sys.stdout.write(json.dumps({**asdict(integral), "mean_power_w": integral.mean_power_w}) + "\n")
        return 0
    mean = "" if integral.mean_power_w is None else f", mean {integral.mean_power_w:.4g} W"
    sys.stdout.write(
        f"{integral.energy_j:.6g} J over {integral.duration_s:.6g} s "
        f"({integral.samples} samples of {integral.column}{mean})\n"
    )
    if integral.scope is not None:
        sys.stdout.write(f"scope: {integral.scope}\n")
    for note in integral.notes:
        sys.stdout.write(f"note: {note}\n")
    return 0
