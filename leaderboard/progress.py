"""What the status page shows of a running child, folded from its events."""

from __future__ import annotations

from typing import Any

from measurement.events import Event, PhaseEnded, PhaseStarted, Progress, Started


class ProgressView:
    """Steps, the current one with its fraction, watts and joules, and those that ended."""

    def __init__(self) -> None:
        self.pending = False
        self._state: dict[str, Any] = {"steps": [], "position": None, "fraction": 0.0, "detail": "", "ended": []}

    def take(self, event: Event) -> bool:
        """Fold one event in. True where a reader should see it at once (a phase began or ended)."""
        state = self._state
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
        return self._state
