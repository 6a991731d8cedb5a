"""The versions of an entry or a submission, and the corrections of its names, as lines of a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from leaderboard.models import FAMILIES, Action, LogLine
from leaderboard.presentation import rows
from leaderboard.presentation.format import UNKNOWN, joules, percent
from leaderboard.queries import Version
from leaderboard.services import CORRECTED


def version_lines(versions: Iterable[Version], *, submission: UUID | None = None) -> list[dict[str, Any]]:
    """A line for each version, the newest first. submission: the one whose page it is."""
    return [_line(version) | {"is_this": version.submission.pk == submission} for version in versions][::-1]


def _line(version: Version) -> dict[str, Any]:
    entry = version.entry
    return {
        "number": version.number,
        "submission": version.submission,
        "entry": entry,
        "state": version_state(version),
        "quality": percent(entry.quality) if entry else UNKNOWN,
        "one_time": rows.one_time(entry, 1) if entry else UNKNOWN,
        "per_image": joules(entry.inference_energy_j) if entry else UNKNOWN,
    }


def version_state(version: Version) -> str:
    """Where a version is: on the board, superseded, withdrawn, or the state of its run."""
    if version.submission.withdrawn_at is not None:
        return "withdrawn"
    if version.entry is None:
        return version.state or "without a run"
    return "superseded" if version.entry.superseded_by_id is not None else "on the board"


def correction_lines(lines: Iterable[LogLine]) -> list[dict[str, Any]]:
    """What each name was before a correction, and who corrected it, the newest first."""
    return [
        {"at": line.at, "by": _by(line), "changes": changes, "reason": line.reason}
        for line in lines
        if (changes := _changes(line))
    ]


def _by(line: LogLine) -> str:
    return "by its submitter" if line.action == Action.CORRECT else "by an administrator"


def _changes(line: LogLine) -> list[tuple[str, str]]:
    """Each name that changed, with what it was in words; empty if it was."""
    changes = line.details.get("changes", {})
    return [(name, _words(name, changes[name][0])) for name in CORRECTED if name in changes]


def _words(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return FAMILIES.get(value, value) if name == "family" else str(value or "")
