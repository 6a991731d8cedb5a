"""Recomputes a published record's figures from its trace, so that anyone can check them."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from measurement.command_record import CommandRecord, Stretch, parse_any_record
from measurement.dataroot import sha256_of
from measurement.documents import DocumentError
from measurement.errors import BadInput, MeasurementError, NotTrustworthy
from measurement.meters.base import kinds_in_scope, provenance_of
from measurement.record import PhaseRecord, Record
from measurement.run.output import RECORD, TRACE
from measurement.run.sampling import left_out_from
from measurement.traces.integrate import fault_line
from measurement.traces.trace import Trace, WindowMark, read_trace, thinned_notes
from measurement.vocabulary import Provenance, Scope, Source

TOLERANCE = 1e-6
"""Relative difference up to which two figures agree: 6 digits."""

AnyRecord = Record | CommandRecord
AnyPhase = PhaseRecord | Stretch

MEASURED = frozenset({Provenance.METERED, Provenance.EXTRAPOLATED, Provenance.ESTIMATED})


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the record, in joules, and what the trace gives for it. None if there is none.

    `scale_j`: the joules that a difference is relative to; a net figure is as exact as the gross one it comes from.
    """

    position: int
    phase: str
    scope: str
    name: str
    recorded_j: float | None
    recomputed_j: float | None
    scale_j: float

    @property
    def difference(self) -> float | None:
        """Relative; None unless both are known."""
        if self.recorded_j is None or self.recomputed_j is None:
            return None
        apart_j = abs(self.recorded_j - self.recomputed_j)
        return apart_j / self.scale_j if self.scale_j > 0 else apart_j

    @property
    def agrees(self) -> bool:
        """Whether the two differ by rounding at most, or are both missing."""
        if self.recorded_j is None and self.recomputed_j is None:
            return True
        return self.difference is not None and self.difference <= TOLERANCE


@dataclass(frozen=True, slots=True)
class Recomputation:
    """All figures of a record that can be recomputed from its trace, and every fault found, one line each."""

    figures: tuple[Figure, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def recompute(record: AnyRecord, trace: Trace, trace_sha256: str | None = None) -> Recomputation:
    """Integrate the trace over every window of the record and compare, in both scopes.

    trace_sha256: the hash of the trace's file, compared with the record's; a thinned trace names the full one's.
    Figures that were not measured here (reported or missing) are left out. A provenance better than the trace's
    sources allow is a fault too.
    """
    figures: list[Figure] = []
    faults: list[str] = []
    notes = [
        f"{_name(phase)}: declared by the submitter, so it is not in the trace"
        for phase in record.phases
        if phase.started_s is None and any(energy.energy_j is not None for energy in phase.energies)
    ]
    notes += thinned_notes(trace)
    if record.trace_sha256 is None:
        notes.append("the record has no hash of its trace")
    elif trace_sha256 is not None and record.trace_sha256 not in (trace_sha256, _full_sha256(trace)):
        faults.append(f"the trace is not the record's: its SHA-256 begins {str(trace_sha256)[:12]}, "
                      f"not {record.trace_sha256[:12]}")  # fmt: skip
    elif trace_sha256 not in (None, record.trace_sha256):
        notes.append(
            "that it was made from the record's trace is what the file says itself; its own SHA-256 is "
            f"{trace_sha256}, to be compared with trace_thinned.sha256 of the entry's API"
        )
    for phase in record.phases:
        if phase.started_s is None or phase.ended_s is None:
            continue
        window = _window_of(trace, phase)
        if window is None:
            faults.append(f"{_name(phase)}: no window of the trace runs from {phase.started_s} to {phase.ended_s} s")
            continue
        figures += _figures(record, trace, phase, window)
        faults += _faults_of_sources(trace, phase, window)
    faults += [_disagreement(figure) for figure in figures if not figure.agrees]
    if not figures and not faults:
        faults.append("no phase of the record is in its trace")
    return Recomputation(tuple(figures), tuple(faults), tuple(notes))


def _full_sha256(trace: Trace) -> object:
    """What a thinned trace says of the file that it was made from; None of a full one."""
    said = trace.details.get("thinned")
    return said.get("sha256") if isinstance(said, Mapping) else None


def _figures(record: AnyRecord, trace: Trace, phase: AnyPhase, window: WindowMark) -> Iterator[Figure]:
    sampled = phase.detail.get("sampled", {})
    seconds = math.fsum(end_s - start_s for start_s, end_s in window.stretches()) + sampled.get("left_out_s", 0.0)
    for scope in Scope:
        energy = phase.energy(scope)
        if energy.provenance not in MEASURED and energy.provenance != Provenance.MISSING:
            continue
        window_j = _scope_energy_j(trace, window, scope)
        total_j = None if window_j is None else window_j + _left_out_j(trace, window, scope, sampled)
        scale_j = energy.energy_j or 0.0

        def figure(
            name: str, recorded_j: float | None, recomputed_j: float | None, scale_j: float, scope: Scope = scope
        ) -> Figure:
            return Figure(phase.position, _name(phase), str(scope), name, recorded_j, recomputed_j, scale_j)

        yield figure("energy_j", energy.energy_j, total_j, scale_j)
        if isinstance(phase, PhaseRecord) and phase.inference is not None and energy.energy_per_image_j is not None:
            per_image_j = None if window_j is None else window_j / phase.inference.images
            yield figure("energy_per_image_j", energy.energy_per_image_j, per_image_j, energy.energy_per_image_j)
        idle_w = record.idle_power_w.get(scope)
        if energy.net_of_idle_j is not None and idle_w is not None and total_j is not None:
            yield figure("net_of_idle_j", energy.net_of_idle_j, total_j - idle_w * seconds, scale_j)


def _left_out_j(trace: Trace, window: WindowMark, scope: Scope, sampled: Mapping[str, Any]) -> float:
    """Joules that a sampled phase charges for the steps it left out; NaN if the record is inconsistent."""

    def between(start_s: float, end_s: float) -> float:
        energy_j = _scope_energy_j(trace, replace(window, started_s=start_s, ended_s=end_s, pauses=()), scope)
        return math.nan if energy_j is None else energy_j

    try:
        return left_out_from(sampled.get("stages", ()), between)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return math.nan


def _window_of(trace: Trace, phase: AnyPhase) -> WindowMark | None:
    """The window with the phase's edges."""
    return next(
        (mark for mark in trace.windows if mark.started_s == phase.started_s and mark.ended_s == phase.ended_s), None
    )


def _scope_energy_j(trace: Trace, window: WindowMark, scope: Scope) -> float | None:
    """Joules of a scope's components; None unless each kind that the scope covers is there with a figure."""
    chosen = _components(trace, scope)
    if chosen is None:
        return None
    joules = [trace.window_energy_j(window, str(part["name"])) for part in chosen]
    known = [energy_j for energy_j in joules if energy_j is not None]
    return math.fsum(known) if len(known) == len(joules) else None


def _components(trace: Trace, scope: Scope) -> list[dict[str, object]] | None:
    kinds = kinds_in_scope(scope, str(trace.details.get("device", "cpu")))
    chosen = [part for part in trace.components if part.get("kind") in kinds]
    return chosen if {part["kind"] for part in chosen} == kinds else None


def _faults_of_sources(trace: Trace, phase: AnyPhase, window: WindowMark) -> Iterator[str]:
    """An estimate that is labelled as metered."""
    for scope in Scope:
        provenance = phase.energy(scope).provenance
        sources = tuple(Source(str(part["source"])) for part in _components(trace, scope) or ())
        counted = provenance_of(sources) == Provenance.METERED
        if provenance in (Provenance.METERED, Provenance.EXTRAPOLATED) and not counted:
            named = ", ".join(dict.fromkeys(sources)) or "nothing"
            yield f"{_name(phase)}, {scope}: the record says {provenance}, the trace was read from {named}"


def _disagreement(figure: Figure) -> str:
    what = {"energy_j": "", "energy_per_image_j": " per image", "net_of_idle_j": " net of idle"}[figure.name]
    return (
        f"{figure.phase}, {figure.scope}: the record says {_joules(figure.recorded_j)}{what}, the trace gives "
        f"{_joules(figure.recomputed_j)}"
    )


def _name(phase: AnyPhase) -> str:
    if isinstance(phase, Stretch):
        return str(phase.phase or "not marked")
    return f"{phase.phase} {phase.scenario}" if phase.scenario else str(phase.phase)


def _joules(value: float | None) -> str:
    return "no figure" if value is None else f"{value:.7g} J"


def add_recompute_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m measurement recompute`."""
    parser.add_argument("record", type=Path, help="record.json, or the folder of a run")
    parser.add_argument("--trace", type=Path, help=f"its trace; by default {TRACE} next to the record")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_recompute(arguments: argparse.Namespace) -> int:
    """Print recorded and recomputed figures; 0 if all agree, 5 if not, with the phase on standard error."""
    record_path: Path = arguments.record / RECORD if arguments.record.is_dir() else arguments.record
    trace_path: Path = arguments.trace or record_path.parent / TRACE
    try:
        record = _read_record(record_path)
        trace = _read_own_trace(trace_path, given=arguments.trace is not None)
        found = recompute(record, trace, sha256_of(trace_path))
    except DocumentError as error:
        sys.stderr.writelines(f"{record_path}: {fault}\n" for fault in error.faults)
        return BadInput.exit_code
    except MeasurementError as error:
        sys.stderr.write(fault_line(error))
        return error.exit_code
    if arguments.json:
        figures = [asdict(figure) | {"agrees": figure.agrees} for figure in found.figures]
        report = {"agrees": found.agrees, "figures": figures, "faults": found.faults, "notes": found.notes}
        sys.stdout.write(json.dumps(report, indent=2, allow_nan=False, default=str) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(record, found)) + "\n")
    sys.stderr.writelines(f"{record_path}: {fault}\n" for fault in found.faults)
    return 0 if found.agrees else NotTrustworthy.exit_code


def _read_record(path: Path) -> AnyRecord:
    try:
        return parse_any_record(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path}: can't be read: {error.strerror}", field="record") from None


def _read_own_trace(path: Path, *, given: bool) -> Trace:
    if not path.exists():
        raise BadInput(
            f"{path}: file not found" + ("" if given else "; give the trace with --trace"), field="--trace"
        )
    trace = read_trace(path)
    if not trace.windows:
        raise BadInput(f"{path}: has no windows, so it is not the trace of a run", field="--trace")
    return trace


def _lines(record: AnyRecord, found: Recomputation) -> Iterator[str]:
    title = record.recipe.method.title if isinstance(record, Record) else record.command[0]
    yield f"{title}, on {record.hardware.name}"
    rows = [("phase", "scope", "figure", "recorded", "recomputed", "difference")]
    for figure in found.figures:
        difference = "—" if figure.difference is None else f"{figure.difference:.1e}"
        verdict = difference if figure.agrees else f"{difference}  disagrees"
        joules = _joules(figure.recorded_j), _joules(figure.recomputed_j)
        rows.append((figure.phase, figure.scope, figure.name, *joules, verdict))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield from (f"note: {note}" for note in found.notes)
    if found.agrees:
        yield f"All {len(found.figures)} figures agree to 6 digits."
    else:
        wrong = sum(not figure.agrees for figure in found.figures)
        yield (
            f"{wrong} of {len(found.figures)} figures disagree."
            if wrong
            else "The figures agree; the record does not."
        )
