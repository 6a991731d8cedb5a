"""A line of a list of runs in words: how far it is, who runs it, how long it took, what it spent, why it is held."""

from __future__ import annotations

from datetime import datetime

from leaderboard.domain.runstate import ACTIVE, RunState
from leaderboard.models import Attempt, Run
from leaderboard.presentation.format import UNKNOWN, seconds, share, watt_hours, words

COUNTED = ("metered", "extrapolated")


def progress(run: Run) -> str:
    """Where a running run is: "train, 40 %, step 1 of 4"; empty of any other."""
    if run.state != RunState.RUNNING:
        return ""
    seen = run.progress or {}
    if not seen.get("phase"):
        return "starting"
    parts = [words(seen["phase"]) + (f" {words(seen['scenario'])}" if seen.get("scenario") else "")]
    if seen.get("fraction") is not None:
        parts.append(share(float(seen["fraction"])))
    position, steps = seen.get("position"), seen.get("steps") or []
    if position is not None and len(steps) > 1:
        parts.append(f"step {position + 1} of {len(steps)}")
    return ", ".join(parts)


def worker(run: Run) -> str:
    """Who has it, or had it last."""
    attempts = _attempts(run)
    return attempts[-1].worker if attempts else UNKNOWN


def duration(run: Run, now: datetime | None = None) -> str:
    """From the beginning of its last attempt to its end, or until now."""
    until = run.finished_at or (now if run.state == RunState.RUNNING else None)
    if run.started_at is None or until is None:
        return UNKNOWN
    return seconds(max(0.0, (until - run.started_at).total_seconds()))


def spent(run: Run) -> str:
    """What all its attempts have spent, accelerator scope; of one at work what it has reported so far."""
    figures = [(attempt.spent_energy_j, attempt.spent_provenance) for attempt in _attempts(run)]
    if run.state == RunState.RUNNING:
        now = (run.progress or {}).get("spent") or {}
        figures.append((now.get("energy_j"), now.get("provenance", "")))
    known = [(joules, provenance) for joules, provenance in figures if joules is not None]
    if not known:
        return UNKNOWN
    at_least = "≥ " if run.state in ACTIVE or len(known) < len(figures) else ""
    model = "" if all(provenance in COUNTED for _, provenance in known) else ", estimated"
    return f"{at_least}{watt_hours(sum(joules for joules, _ in known))}{model}"


def held_for(run: Run, reason: str = "") -> str:
    """The flags that hold it, and what was said of it; empty if it is not held. reason: out of the log."""
    flags = ", ".join(words(flag) for flag in run.held_for)
    return f"{flags}: {reason}" if flags and reason else flags


def _attempts(run: Run) -> list[Attempt]:
    return sorted(run.attempts.all(), key=lambda attempt: attempt.number)
