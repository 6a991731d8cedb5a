"""`python -m measurement meter` and `python -m measurement mark`: their options, and what they print."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from measurement.command_record import RECORD, CommandRecord
from measurement.errors import BadInput, MeasurementError
from measurement.marks import MARKS_VARIABLE, MarkError, begin, end
from measurement.vocabulary import Phase, Provenance, Scope

DEFAULT_OUT = Path("measured")


def add_meter_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `meter`."""
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:0 (default: auto)")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder for record.json and trace.parquet")
    parser.add_argument(
        "--phase",
        type=Phase,
        choices=list(Phase),
        default=Phase.TRAIN,
        metavar="NAME",
        help="what a command that marks no phase is charged to (default: train)",
    )
    parser.add_argument("--require", choices=("metered",), help="fail if this machine can only estimate")
    parser.add_argument("--force", action="store_true", help="replace an existing record in the folder")
    parser.add_argument("program", nargs=argparse.REMAINDER, metavar="-- COMMAND …", help="the command, after --")


def add_mark_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `mark`."""
    parser.add_argument("verb", choices=("begin", "end"))
    parser.add_argument("phase", help=f"one of {', '.join(Phase)}")


def run_mark(arguments: argparse.Namespace) -> int:
    """Mark a phase of the metered command that this is a part of."""
    if not os.environ.get(MARKS_VARIABLE):
        sys.stderr.write(f"{MARKS_VARIABLE} is not set: nothing is metered here, so the mark was ignored\n")
    try:
        (begin if arguments.verb == "begin" else end)(arguments.phase)
    except MarkError as error:
        sys.stderr.write(f"mark {arguments.verb} {arguments.phase}: {error}\n")
        return BadInput.exit_code
    return 0


def run_meter(arguments: argparse.Namespace) -> int:
    """Meter a command. Returns its exit code, 128 + the signal that ended it, or that of a fault of the meter."""
    from measurement.command.metering import CommandOptions, meter_command

    command = arguments.program[1:] if arguments.program[:1] == ["--"] else arguments.program
    if not command:
        sys.stderr.write("meter: no command; write it after --, as in `meter -- python train.py`\n")
        return BadInput.exit_code
    status = _Status()
    options = CommandOptions(
        device=arguments.device,
        phase=arguments.phase,
        force=arguments.force,
        require_metered=arguments.require == "metered",
        on_tick=status,
    )
    try:
        record = meter_command(command, arguments.out, options)
    except MeasurementError as error:
        field = "--device" if error.field == "device" else error.field
        sys.stderr.write(f"meter: {field}: {error}\n" if field else f"meter: {error}\n")
        return error.exit_code
    finally:
        status.clear()
    sys.stderr.write("\n".join(_lines(record)) + f"\nrecord: {arguments.out / RECORD}\n")
    return _exit_code(record)


def _exit_code(record: CommandRecord) -> int:
    """The command's own; as in a shell, 128 + the signal that ended it."""
    return 128 + signal.Signals[str(record.ended_by)] if record.exit_code is None else record.exit_code


class _Status:
    """One line on a terminal, rewritten; nothing elsewhere. On standard error: the command's output is its own."""

    def __init__(self) -> None:
        self._shown = False

    def __call__(self, windows: object) -> None:
        from measurement.command.windows import Windows

        if not (isinstance(windows, Windows) and sys.stderr.isatty()):
            return
        joules = _joules(windows.energy_j())
        sys.stderr.write(f"\r\033[K{windows.phase}: {windows.elapsed_s():.0f} s, {joules}")
        sys.stderr.flush()
        self._shown = True

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\033[K")


def _lines(record: CommandRecord) -> Iterator[str]:
    yield f"on {record.hardware.name}"
    rows: list[tuple[str, ...]] = [("phase", "duration", "accelerator", "system", "provenance")]
    for phase in dict.fromkeys(stretch.phase for stretch in record.phases):
        parts = [stretch for stretch in record.phases if stretch.phase == phase]
        seconds = sum(part.duration_s for part in parts)
        joules = (_joules(record.energy_j(phase, scope)) for scope in Scope)
        provenances = dict.fromkeys(part.energy(Scope.ACCELERATOR).provenance for part in parts)
        rows.append((str(phase or "not marked"), f"{seconds:.2f} s", *joules, ", ".join(provenances)))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if record.interrupted:
        yield f"INTERRUPTED by {record.interrupted}: the figures end there"
    for stretch in record.phases:
        if stretch.detail.get("left_open"):
            yield f"{stretch.phase}: was still open as the command ended, and ends there"
        for note in stretch.detail.get("meter_notes", ()):
            yield f"{stretch.phase or 'not marked'}: {note}"
    if any(energy.provenance == Provenance.ESTIMATED for stretch in record.phases for energy in stretch.energies):
        yield "ESTIMATED: some of these joules come from a power model (CPU time x TDP), not from a meter"


def _joules(value: float | None) -> str:
    return "—" if value is None else f"{value:.4g} J"
