"""The windows of a metered command: one for each phase that it marks, and others for what it leaves unmarked."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from measurement.command_record import Stretch
from measurement.marks import why_not_phase
from measurement.meters import EnergyMeter, PhaseMeasurement
from measurement.meters.window import Window
from measurement.vocabulary import Phase, Scope

UNMARKED = "unmarked"


class Windows:
    """While open, exactly one window is. Without any mark it is one of `default`.

    A phase that the command has left open ends with it, and says so.
    """

    def __init__(self, meter: EnergyMeter, default: Phase) -> None:
        self.stretches: list[Stretch] = []
        self._meter = meter
        self._default = default
        self._phase: Phase | None = None
        self._was_marked = False
        self._open = ExitStack()
        self._window: Window | None = None

    def __enter__(self) -> Self:
        self._open_window(None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._open.__exit__(kind, error, trace)
        elif self._was_marked:
            self._close(self._phase, {"left_open": True} if self._phase is not None else {})
        else:
            self._close(self._default)

    def mark(self, verb: str, name: str) -> str:
        """Take a mark. Returns what is wrong with it, empty if nothing is."""
        if fault := why_not_phase(name):
            return fault
        if verb == "begin":
            if self._phase is not None:
                return f"phase {self._phase} is still open; end it before {name} begins, since phases don't overlap"
            self._close(None)
            self._was_marked = True
            self._open_window(Phase(name))
            return ""
        if self._phase is None:
            return f"phase {name} is not open, so it can't end; begin it first"
        if self._phase != name:
            return f"phase {name} is not open, but {self._phase} is; end {self._phase} first"
        self._close(self._phase)
        self._open_window(None)
        return ""

    @property
    def phase(self) -> str:
        """What is being charged, in a word."""
        return str(self._phase or (UNMARKED if self._was_marked else self._default))

    def energy_j(self) -> float | None:
        """Joules of the open window so far, accelerator scope."""
        return None if self._window is None else self._window.energy_j(Scope.ACCELERATOR)

    def elapsed_s(self) -> float:
        return 0.0 if self._window is None else self._window.elapsed_s()

    def _open_window(self, phase: Phase | None) -> None:
        self._phase = phase
        name = f"{len(self.stretches)}-{phase or UNMARKED}"
        self._window = self._open.enter_context(self._meter.window(name))

    def _close(self, phase: Phase | None, detail: dict[str, Any] | None = None) -> None:
        """Close the window as one of `phase`: what the time before the first mark was is known only then."""
        assert self._window is not None  # noqa: S101 - one is always open
        self._window.name = f"{len(self.stretches)}-{phase or UNMARKED}"
        window, self._window, self._phase = self._window, None, None
        self._open.close()
        self.stretches.append(_stretch(len(self.stretches), phase, window.measurement, detail or {}))


def _stretch(position: int, phase: Phase | None, measured: PhaseMeasurement, detail: dict[str, Any]) -> Stretch:
    notes: dict[str, Any] = {"conditions": dict(measured.conditions)} if measured.conditions else {}
    if measured.notes:
        notes["meter_notes"] = list(measured.notes)
    return Stretch(
        position=position,
        phase=phase,
        started_s=measured.started_s,
        ended_s=measured.ended_s,
        duration_s=measured.duration_s,
        energies=tuple(measured.to_energy(scope) for scope in Scope),
        flags=tuple(sorted(measured.flags)),
        detail=detail | notes,
    )
