"""What a person sees while a run is verified elsewhere: a bar on a terminal, a line for each step in a pipe."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from measurement.submission.site import shown

if TYPE_CHECKING:
    from rich.progress import Progress

STATES = {
    "queued": "waits for a worker",
    "running": "runs",
    "succeeded": "verified",
    "failed": "failed",
    "cancelled": "cancelled",
}


def step_of(submission: dict[str, Any]) -> tuple[str, float, str]:
    """What a run does, how much of all its steps is done (0 to 1), and a detail; as far as the site says."""
    run = submission.get("run") or {}
    state, progress = str(submission.get("state")), run.get("progress") or {}
    name = "measured, held for review" if run.get("held_for") else STATES.get(state, shown(state))
    if state == "queued":
        return name, 0.0, shown(submission.get("waits_for") or "")
    if state != "running" or not isinstance(progress.get("position"), int):
        return name, 1.0 if state == "succeeded" else 0.0, ""
    steps = max(len(progress.get("steps") or ()), progress["position"] + 1)
    done = (progress["position"] + float(progress.get("fraction") or 0.0)) / steps
    phase = "/".join(shown(progress[part]) for part in ("phase", "scenario") if progress.get(part))
    power = f", {progress['power_w']:.1f} W" if isinstance(progress.get("power_w"), int | float) else ""
    return phase or name, min(1.0, done), shown(progress.get("detail") or "") + power


class Display:
    """Shows a submission each time it is read. On standard error: standard output is for the result."""

    def __init__(self) -> None:
        self._bars = _bars()
        self._task = self._bars.add_task("", total=1.0, detail="") if self._bars else None
        self._last = ""

    @property
    def is_live(self) -> bool:
        """Whether somebody watches a bar, which should move."""
        return self._bars is not None

    def __enter__(self) -> Display:
        (self._bars or nullcontext()).__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        (self._bars or nullcontext()).__exit__(*error)

    def show(self, submission: dict[str, Any]) -> None:
        """One more look at it."""
        name, done, detail = step_of(submission)
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, description=name, completed=done, detail=detail, refresh=True)
        elif name != self._last:
            self.say(name + (f": {detail}" if detail and submission.get("state") == "queued" else ""))
        self._last = name

    def say(self, line: str) -> None:
        """A line above the bar."""
        if self._bars is not None:
            self._bars.console.print(line, highlight=False, markup=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)


def _bars() -> Progress | None:
    if not sys.stderr.isatty():
        return None
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:  # of the worker's packages; without it there are lines
        return None
    return Progress(
        TextColumn("{task.description:<24}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        console=Console(stderr=True),
    )
