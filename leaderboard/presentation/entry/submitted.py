"""Who submitted an entry's work, when, and how often this site's workers verified it."""

from __future__ import annotations

from typing import Any

from leaderboard.models import Entry, Run
from leaderboard.presentation.entry.repeats import reproduced

NOBODY = "no named account"


def submitted(entry: Entry, runs: list[dict[str, Any]], verified: Entry | None = None) -> list[tuple[str, str]]:
    """Lines of (name, words). runs: the lines of the work's runs on this hardware; none of a published result.

    verified: the entry that repeats a published one.
    """
    if entry.published is not None:
        return [
            ("In the catalogue since", f"{entry.published.imported_at:%Y-%m-%d}"),
            ("Verified", f"by entry {verified.pk}, which repeats it" if verified else "never by this site's workers"),
        ]
    measured = [line["run"] for line in runs if line["run"].state == "succeeded"]
    return [
        ("Submitted by", _submitter(runs)),
        ("Result of", f"{entry.published_at:%Y-%m-%d}"),
        ("Verified", _times(measured)),
        *([("Reproduced", reproduced(entry))] if entry.results > 1 else []),
    ]


def _submitter(runs: list[dict[str, Any]]) -> str:
    """The one who asked first, and when."""
    given = [line["run"].submission for line in runs if line["run"].submission and not line["is_withdrawn"]]
    first = min(given, key=lambda submission: submission.created_at, default=None)
    if first is None:
        return NOBODY
    name = first.submitter.get_username() if first.submitter is not None else NOBODY
    return f"{name}, {first.created_at:%Y-%m-%d}"


def _times(measured: list[Run]) -> str:
    """How often, and when last."""
    last = max((run.finished_at for run in measured if run.finished_at is not None), default=None)
    number = len(measured)
    times = "once" if number == 1 else f"{number} times"
    return f"{times}, last on {last:%Y-%m-%d}" if last else times
