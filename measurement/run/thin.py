"""`python -m measurement thin`: a trace with fewer samples, from which every figure of its record still follows."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from measurement.accounting import step_integral
from measurement.command_record import parse_any_record
from measurement.dataroot import sha256_of
from measurement.documents import DocumentError
from measurement.errors import BadInput, MeasurementError, NotTrustworthy
from measurement.run.output import RECORD
from measurement.run.recompute import AnyRecord, recompute
from measurement.traces.integrate import fault_line
from measurement.traces.thinning import NotThinned, Thinned, thin_trace
from measurement.traces.trace import Trace, read_trace, without_gaps

TOLERANCE = 1e-9
"""Relative difference up to which joules before and after are the same: far above rounding, far below a figure's
digits."""


def thin(record: AnyRecord, trace: Path, target: Path, at: str) -> Thinned:
    """Write the trace of a record with fewer samples to `target`, and read it back to see that nothing was lost.

    at: when, ISO 8601 in UTC. Raises NotThinned for a trace that stays as it is, BadInput for one that can't be read,
    and NotTrustworthy, without leaving a file, if any window, stretch or figure would have other joules.
    """
    said = thin_trace(trace, target, at, _blocks_of(record))
    try:
        before, after = read_trace(trace), read_trace(target)
        faults = [*_differences(before, after, record), *recompute(record, after, sha256_of(target)).faults]
        if faults:
            raise NotTrustworthy("would not give the record's figures: " + "; ".join(faults[:5]))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return said


def _blocks_of(record: AnyRecord) -> Iterator[float]:
    """Edges of the blocks by which a sampled phase is scaled up: the trace itself has no marks of them."""
    try:
        for phase in record.phases:
            for stage in phase.detail.get("sampled", {}).get("stages", ()):
                for block in stage["blocks"]:
                    yield from (float(block["started_s"]), float(block["ended_s"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"its sampled phases can't be read ({error})", field="record") from None


def _differences(before: Trace, after: Trace, record: AnyRecord) -> Iterator[str]:
    """Where two traces have other joules: any power column over any stretch of a window, or between blocks."""
    stretches = {stretch for window in before.windows for stretch in window.stretches()}
    blocks = sorted(set(_blocks_of(record)))
    stretches |= set(pairwise(blocks))
    for name in (name for name in before.columns if name.endswith("_w")):
        for stretch, was_j, is_j in zip(
            sorted(stretches), _joules(before, name, stretches), _joules(after, name, stretches), strict=True
        ):
            if abs(was_j - is_j) > TOLERANCE * max(abs(was_j), 1e-3):
                yield f"{name} from {stretch[0]} to {stretch[1]} s: {was_j} J before, {is_j} J after"


def _joules(trace: Trace, name: str, stretches: Iterable[tuple[float, float]]) -> list[float]:
    times, values = without_gaps(trace.columns["timestamp_s"], trace.columns[name])
    return [step_integral(times, values, *stretch) if times else math.nan for stretch in sorted(stretches)]


def add_thin_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m measurement thin`."""
    parser.add_argument("trace", type=Path, help="a run's trace.parquet")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--record", type=Path, help=f"its record; by default {RECORD} next to the trace")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_thin(arguments: argparse.Namespace) -> int:
    """Write the thinned trace, and print how many samples it has; 5 if joules would be lost."""
    record_path: Path = arguments.record or arguments.trace.parent / RECORD
    try:
        if arguments.out.exists():
            raise BadInput(f"{arguments.out}: exists already; name another file", field="--out")
        record = parse_any_record(record_path.read_bytes())
        said = thin(record, arguments.trace, arguments.out, datetime.now(UTC).isoformat(timespec="seconds"))
    except OSError as error:
        sys.stderr.write(f"{error.filename or record_path}: can't be read or written: {error.strerror}\n")
        return BadInput.exit_code
    except DocumentError as error:
        sys.stderr.writelines(f"{record_path}: {fault}\n" for fault in error.faults)
        return BadInput.exit_code
    except NotThinned as error:
        return _left(arguments, str(error))
    except MeasurementError as error:
        sys.stderr.write(fault_line(error))
        return error.exit_code
    sizes = arguments.trace.stat().st_size, arguments.out.stat().st_size
    report = {"thinned": True, **asdict(said), "bytes_before": sizes[0], "bytes": sizes[1]}
    report["sha256_now"] = sha256_of(arguments.out)
    sys.stdout.write(
        json.dumps(report) + "\n"
        if arguments.json
        else f"{arguments.out}: {said.samples} of {said.samples_before} samples, {sizes[1]} of {sizes[0]} bytes; "
        "every phase has the same joules\n"
    )
    return 0


def _left(arguments: argparse.Namespace, reason: str) -> int:
    """The trace stays as it is: nothing is written, and that is no fault."""
    sys.stdout.write(
        json.dumps({"thinned": False, "reason": reason}) + "\n"
        if arguments.json
        else f"{arguments.trace}: {reason}, so it stays as it is\n"
    )
    return 0
