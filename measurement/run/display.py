"""What a person sees of a run: progress bars on a terminal, short lines in a pipe, and a table at the end."""

from __future__ import annotations

import math
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from measurement.events import Event, PhaseEnded, PhaseStarted, Started
from measurement.events import Progress as ProgressEvent
from measurement.record import PhaseRecord, Record
from measurement.run.steps import step_name
from measurement.vocabulary import DISTURBED_FLAGS, HOLDING_FLAGS, Flag, Provenance, Scope

UNKNOWN = "—"
PIPE_WIDTH = 118


DOUBTS = HOLDING_FLAGS | DISTURBED_FLAGS | {Flag.BUSY_MACHINE, Flag.KERNEL_TIME}
"""Flags that the summary explains."""


class HumanDisplay:
    """A reporter for people. Use as a context manager, so that the terminal is restored."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._names: dict[int, str] = {}
        self._bars: Progress | None = None
        self._bar: TaskID | None = None
        if self.console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description:<24}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TextColumn("{task.fields[power]:>10}"),
                TimeRemainingColumn(),
                TextColumn("[dim]{task.fields[detail]}"),
                console=self.console,
            )

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._say(f"on {event.hardware}: {', '.join(event.phases)}")
        elif isinstance(event, PhaseStarted):
            self._begin(event.position, step_name(event.phase, event.scenario))
        elif isinstance(event, ProgressEvent):
            self._advance(event)
        elif isinstance(event, PhaseEnded):
            self._end(event)

    def _begin(self, position: int, name: str) -> None:
        self._names[position] = name
        if self._bars:
            self._bar = self._bars.add_task(name, total=1.0, power="", detail="")
        else:
            self._say(f"{name} …")

    def _advance(self, event: ProgressEvent) -> None:
        if self._bars and self._bar is not None:
            power = UNKNOWN if event.power_w is None else f"{event.power_w:.1f} W"
            self._bars.update(self._bar, completed=event.fraction, power=power, detail=event.detail)

    def _end(self, event: PhaseEnded) -> None:
        summary = f"{event.duration_s:.2f} s, {si(event.energy_j, 'J')}"
        if self._bars and self._bar is not None:
            self._bars.update(self._bar, completed=1.0, power="", detail=summary)
        else:
            self._say(f"{self._names.get(event.position, 'phase')}: {summary}")

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def print_summary(record: Record, console: Console | None = None) -> None:
    """The phases with duration, joules in both scopes with ± and provenance; then quality and cost per image."""
    console = console or Console()
    if not console.is_terminal:
        console = Console(file=console.file, width=PIPE_WIDTH)
    table = Table(title=f"{record.recipe.method.title}, on {record.hardware.name}", title_justify="left")
    table.add_column("phase")
    for heading in ("duration", "accelerator", "system", "per image"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("provenance")
    for phase in record.phases:
        table.add_row(*_row(phase))
    console.print(table)
    for line in _closing_lines(record):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def si(value: float | None, unit: str) -> str:
    """Three digits and a prefix, e.g. `1.53 mJ`; `—` for unknown."""
    if value is None:
        return UNKNOWN
    for prefix, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3), ("µ", 1e-6)):
        if abs(value) >= factor:
            return f"{_three_digits(value / factor)} {prefix}{unit}"
    return f"0 {unit}" if value == 0 else f"{value:.3g} {unit}"


def _row(phase: PhaseRecord) -> tuple[str, ...]:
    accelerator = phase.energy(Scope.ACCELERATOR)
    return (
        step_name(phase.phase, phase.scenario),
        UNKNOWN if phase.duration_s is None else f"{phase.duration_s:.2f} s",
        *(
            _with_margin(phase.energy(scope).energy_j, phase.energy(scope).repeatability_u95_j)
            for scope in (Scope.ACCELERATOR, Scope.SYSTEM)
        ),
        _with_margin(accelerator.energy_per_image_j, accelerator.energy_per_image_u95_j)
        if accelerator.energy_per_image_j is not None
        else "",
        str(accelerator.provenance),
    )


def _closing_lines(record: Record) -> list[str]:
    macs = UNKNOWN if record.model.macs is None else si(record.model.macs, "MAC")
    quality = record.quality
    # A reported quality is the submitter's figure: this run has seen no image for it.
    basis = f"{quality.provenance} on {quality.images} images" if quality.images is not None else quality.provenance
    lines = [
        f"quality: {quality.metric} {quality.value:.4f} ({basis}); {record.model.parameters:,} parameters, "
        f"{macs} per image"
    ]
    for phase in record.phases:
        if phase.inference:
            figures = phase.inference
            lines.append(
                f"{phase.scenario}: {figures.throughput_images_per_s:,.0f} images/s in batches of "
                f"{figures.batch_size}, p99 {figures.latency_p99_ms:.2f} ms"
            )
    lines += record.data_notes
    for phase in record.phases:
        if doubts := sorted(DOUBTS.intersection(phase.flags)):
            why = "; ".join(phase.detail.get("meter_notes", ()))
            lines.append(f"{step_name(phase.phase, phase.scenario)}: {', '.join(doubts)}: {why}")
    used = {energy.provenance for phase in record.phases for energy in phase.energies}
    if Provenance.ESTIMATED in used:
        lines.append(
            "ESTIMATED: this machine has no energy counter for some of these figures; their joules come from a "
            "power model (CPU time x TDP), not from a meter"
        )
    return lines


def _with_margin(value: float | None, u95: float | None) -> str:
    if value is None or not u95:
        return si(value, "J")
    return f"{si(value, 'J')} ± {_percent(u95 / value)}" if value > 0 else si(value, "J")


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 1 else f"{100 * share:.0f} %"


def _three_digits(value: float) -> str:
    digits = 2 - math.floor(math.log10(abs(value))) if value else 2
    return f"{value:.{max(0, digits)}f}"
