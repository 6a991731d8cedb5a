"""What the status page shows of a running child, folded from its events."""

from __future__ import annotations

import time
from typing import Any

from measurement.events import Event, PhaseEnded, PhaseStarted, Progress, Started


class ProgressView:
    """Steps, the current one with its fraction, watts and joules, those that ended, and what all of it has spent."""

    def __init__(self) -> None:
        self.pending = False
        self._state: dict[str, Any] = {"steps": [], "position": None, "fraction": 0.0, "detail": "", "ended": []}
        self._spending = _Spending()

    def take(self, event: Event) -> bool:
        """Add one event. True if readers should see it at once (a phase began or ended)."""
        state = self._state
        self._spending.take(event)
        if isinstance(event, Started):
            state["steps"] = list(event.phases)
        elif isinstance(event, PhaseStarted):
            state |= {
                "position": event.position,
                "phase": str(event.phase),
                "scenario": str(event.scenario) if event.scenario else None,
                "fraction": 0.0,
                "detail": "",
                "power_w": None,
                "energy_j": None,
            }
        elif isinstance(event, Progress):
            state |= event.model_dump(mode="json", include={"position", "fraction", "detail", "power_w", "energy_j"})
            self.pending = True
            return False
        elif isinstance(event, PhaseEnded):
            state["ended"].append(
                {"position": event.position, "energy_j": event.energy_j, "duration_s": event.duration_s}
            )
        else:
            return False
        return True

    def as_json(self) -> dict[str, Any]:
        """Plain values for `Run.progress`."""
        return self._state | {"spent": self._spending.as_json()}


class _Spending:
    """Seconds and joules (accelerator scope) of this attempt, as far as its child has reported them: a lower bound.

    Phases of an earlier attempt are not included.
    """

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._reported_j: dict[int, float] = {}
        self._provenance = ""
        self._is_own = True

    def take(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self._is_own = not event.earlier
            self._provenance = str(event.provenance) if self._is_own else self._provenance
        elif isinstance(event, Progress | PhaseEnded) and self._is_own and event.energy_j is not None:
            self._reported_j[event.position] = event.energy_j

    def as_json(self) -> dict[str, Any]:
        energy_j = sum(self._reported_j.values()) if self._reported_j else None
        return {
            "time_s": time.monotonic() - self._began_s,
            "energy_j": energy_j,
            "provenance": "missing" if energy_j is None else self._provenance,
        }
