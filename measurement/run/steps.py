"""The steps of a run, one meter window each, reported to the reporter and checked against the budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from measurement.events import Event, PhaseEnded, PhaseStarted, Progress
from measurement.meters import EnergyMeter, Window
from measurement.meters.base import provenance_of
from measurement.record import PhaseRecord
from measurement.run.budget import NO_LIMITS, NOTHING, RECIPE, Limits, PhaseBudget, Spending
from measurement.tracks import Split
from measurement.vocabulary import Phase, Scenario, Scope

Reporter = Callable[[Event], None]

REPORT_EVERY_S = 0.25


def silent(event: Event) -> None:
    """A reporter that does nothing."""


def note_nothing(window: Window | None) -> None:
    """Notes nothing."""


def step_name(phase: Phase | str, scenario: Scenario | str | None = None) -> str:
    """The name of a step in messages and on the status page, e.g. `inference offline`."""
    return f"{phase} {scenario}" if scenario else str(phase)


class Steps:
    """Counts the steps, and the seconds and joules spent in all of them, beyond those of earlier attempts.

    started_s: the run's start on `time.monotonic`, so that the time budget also covers the time between steps; it is
    moved back by the seconds of earlier attempts. spent_j: their joules in each scope, None if unknown.
    limits: the operator's. declared: the recipe's own, which also cover what a sampled run leaves out.
    note_spent: called now and then to save what has been spent, so that the next attempt knows it if this one dies.
    """

    def __init__(
        self,
        meter: EnergyMeter,
        reporter: Reporter,
        limits: Limits,
        *,
        started_s: float,
        spent_j: Mapping[Scope, float | None],
        declared: Limits = NO_LIMITS,
        note_spent: Callable[[Window | None], None] = note_nothing,
    ) -> None:
        self.meter = meter
        self.reporter = reporter
        self.limits, self.declared = limits, declared
        self.left_out = NOTHING
        self.note_spent = note_spent
        self._started_s = started_s
        self._closed_j = dict(spent_j)
        self._count = 0

    def begin(self, phase: Phase, scenario: Scenario | None = None) -> Step:
        """Announce the next step; its window opens with `Step.metered`."""
        position, self._count = self._count, self._count + 1
        provenance = provenance_of(self.meter.sources(Scope.ACCELERATOR))
        self.reporter(PhaseStarted(position=position, phase=phase, scenario=scenario, provenance=provenance))
        return Step(self, position, step_name(phase, scenario))

    def leave_out(self) -> None:
        """Skip the position of a step that was announced but is not run."""
        self._count += 1

    def pass_over(self, phase: PhaseRecord) -> None:
        """Announce a step that an earlier attempt has finished."""
        if phase.started_s is None:
            return
        position, self._count = self._count, self._count + 1
        energy = phase.energy(Scope.ACCELERATOR)
        self.reporter(PhaseStarted(position=position, phase=phase.phase, earlier=True, provenance=energy.provenance))
        self.reporter(PhaseEnded(position=position, energy_j=energy.energy_j, duration_s=phase.duration_s or 0.0))

    def spending(self, open_window: Window | None = None) -> Spending:
        """Spent so far, including an open window; joules of the accelerator."""
        return Spending(time.monotonic() - self._started_s, self.spent_j(Scope.ACCELERATOR, open_window))

    def spent_j(self, scope: Scope, open_window: Window | None = None) -> float | None:
        """Joules so far, including an open window; None if the meter has no figure."""
        closed_j = self._closed_j[scope]
        open_j = open_window.energy_j(scope) if open_window is not None else 0.0
        return None if open_j is None or closed_j is None else closed_j + open_j

    def close(self, window: Window) -> None:
        """Count a closed window's joules."""
        for scope, closed_j in self._closed_j.items():
            energy_j = window.measurement.energies[scope].energy_j
            self._closed_j[scope] = None if energy_j is None or closed_j is None else closed_j + energy_j


class Step:
    """One step: `advance` is called after each piece of work, and is cheap between two reports."""

    def __init__(self, steps: Steps, position: int, name: str) -> None:
        self._steps = steps
        self._position = position
        self._name = name
        self._budget = PhaseBudget(name, steps.limits)
        self._declared = PhaseBudget(name, steps.declared, RECIPE)
        self._left_out = NOTHING
        self._window: Window | None = None
        self._reported_s = 0.0
        self.length_is_known = True

    @contextmanager
    def metered(self, window_name: str, reads: Split | None = None) -> Iterator[Window]:
        """Meter the body, and end the step. Raises OverBudget if it ends past a limit.

        reads: the split that the body takes its images from; the time it waits for them is reported to the window.
        """
        with self.window(window_name) as window:
            waited_s = reads.waited_s if reads is not None else 0.0
            yield window
            if reads is not None:
                window.waited(reads.waited_s - waited_s)
        self.end(window)

    @contextmanager
    def window(self, name: str) -> Iterator[Window]:
        """Meter the body in a window that may not be the step's last; `end` follows with the one that counts."""
        with self._steps.meter.window(name) as window:
            self._window = window
            yield window
        self._window = None
        self._steps.close(window)

    def end(self, window: Window) -> None:
        """Report that the step has ended, with the figures of its window. Raises OverBudget."""
        self._steps.left_out, self._left_out = self._steps.left_out + self._left_out, NOTHING
        measured = window.measurement
        self._steps.reporter(
            PhaseEnded(
                position=self._position,
                energy_j=measured.energies[Scope.ACCELERATOR].energy_j,
                duration_s=measured.duration_s,
            )
        )
        self._check_budget(self._steps.spending())

    def leave_out(self, left_out: Spending) -> None:
        """Note what the step's sampled loops leave out, as far as known. Raises OverBudget."""
        self._left_out = left_out
        self._check_budget(self._steps.spending(self._window))

    def advance(self, fraction: float, detail: str = "") -> None:
        """Report `fraction` (0..1) and check the budget, at most a few times a second. Raises OverBudget."""
        now_s = time.monotonic()
        if now_s - self._reported_s < REPORT_EVERY_S:
            return
        self._reported_s = now_s
        window = self._window
        self._steps.reporter(
            Progress(
                position=self._position,
                fraction=min(1.0, fraction),
                detail=detail,
                power_w=window.power_w(Scope.ACCELERATOR) if window else None,
                energy_j=window.energy_j(Scope.ACCELERATOR) if window else None,
            )
        )
        self._steps.note_spent(window)
        self._check_budget(self._steps.spending(window), fraction if self.length_is_known else None)

    def _check_budget(self, now: Spending, fraction: float | None = None) -> None:
        self._budget.check(now, fraction)
        self._declared.check(now, fraction, self._steps.left_out + self._left_out)
