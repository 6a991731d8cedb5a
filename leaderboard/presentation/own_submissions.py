"""What a list of one's own submissions says of each: its state, result and rank in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from leaderboard import services
from leaderboard.domain.runstate import RunState
from leaderboard.models import Submission
from leaderboard.presentation import rows
from leaderboard.presentation.entry.flags import flag_meanings
from leaderboard.presentation.format import UNKNOWN, joules, percent, words
from leaderboard.queries import OwnLine

MOST_OF_REASON = 200


def own_rows(lines: list[OwnLine]) -> list[dict[str, Any]]:
    """A row for each: `state` (for its colour), `words`, `detail`, and texts of result and rank."""
    return [_row(line) for line in lines]


def _row(line: OwnLine) -> dict[str, Any]:
    state, said, detail = state_words(line)
    entry = line.entry
    return {
        "submission": line.submission,
        "run": line.run,
        "entry": entry,
        "state": state,
        "words": said,
        "detail": detail,
        "quality": percent(entry.quality) if entry else UNKNOWN,
        "one_time": rows.one_time(entry, 1) if entry else UNKNOWN,
        "per_image": joules(entry.inference_energy_j) if entry else UNKNOWN,
        "provenance": entry.provenance if entry else "",
        "results": rows.results(entry.results) if entry else "",
        **_rank(line),
    }


def _rank(line: OwnLine) -> dict[str, str]:
    entry = line.entry
    if entry is None:
        return {"rank": UNKNOWN, "rank_hint": ""}
    if entry.superseded_by_id is not None:
        return {"rank": UNKNOWN, "rank_hint": "superseded"}
    if line.place is None or line.place.place.rank is None:
        hint = "below the floor" if rows.below_floor(entry) else "a phase is missing"
        return {"rank": UNKNOWN, "rank_hint": hint}
    group = f"{words(entry.board.scenario)}, {entry.board.scope}"
    return {"rank": rows.rank_text(line.place.place), "rank_hint": f"of {line.entries}, {group}"}


def own_state(line: OwnLine) -> str:
    """The state of `queries.OWN_STATES` that a submission is in."""
    if line.submission.withdrawn_at is not None:
        return "withdrawn"
    if line.run is None:
        return "cancelled"
    if line.run.state == RunState.SUCCEEDED:
        return "held" if line.run.held_for else "published"
    return str(line.run.state)


def state_words(line: OwnLine) -> tuple[str, str, str]:
    """The state for its colour, in words, and what there is to say of it."""
    submission, run = line.submission, line.run
    if submission.withdrawn_at is not None:
        until = restorable_until(submission)
        undo = f"; can be undone until {until:%Y-%m-%d}" if until is not None else ""
        return "cancelled", "Withdrawn", f"on {submission.withdrawn_at:%Y-%m-%d}{undo}"
    if run is None:
        return "cancelled", "Without a run", ""
    if run.state == RunState.SUCCEEDED:
        return _finished(line)
    if run.state == RunState.QUEUED:
        return "queued", "Waiting", line.waits_for or place_in_line(line.ahead)
    if run.state == RunState.RUNNING:
        stopping = "stopping; this takes a few seconds"
        phase = words((run.progress or {}).get("phase") or "starting")
        return "running", "Running", stopping if run.cancel_requested else phase
    return run.state, run.state.capitalize(), run.reason[:MOST_OF_REASON]


def _finished(line: OwnLine) -> tuple[str, str, str]:
    run, entry = line.run, line.entry
    if run is not None and run.held_for:
        rest = " Its entry shows the other results." if entry is not None else ""
        return "queued", "Held for review", " ".join(flag_meanings(run.held_for))[:MOST_OF_REASON] + rest
    if entry is None:
        return "succeeded", "Verified", "on no board"
    if entry.superseded_by_id is not None:
        return "succeeded", "Superseded", "a newer version has its place"
    return "succeeded", "Published", ""


def restorable_until(submission: Submission) -> datetime | None:
    """Until when a withdrawal can be undone; None if it can't be, or no more."""
    until = services.restorable_until(submission)
    return until if until is not None and timezone.now() <= until else None


def place_in_line(ahead: int | None) -> str:
    """How many runs go before, in words."""
    if ahead is None:
        return ""
    if ahead == 0:
        return "next in line"
    return f"{ahead:,} run{'' if ahead == 1 else 's'} ahead in the queue"
