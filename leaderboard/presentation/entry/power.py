"""Power over time of an entry's run: where its phases lie, and their mean power."""

from __future__ import annotations

from typing import Any

from django.utils.formats import date_format

from leaderboard.models import Attempt
from leaderboard.presentation.entry.phases import left_out_s
from leaderboard.presentation.format import seconds, si, words


def power_marks(record: dict[str, Any] | None, scope: str) -> list[dict[str, Any]]:
    """Where each phase lies on the power trace's clock, in order, with its mean power in W (None: unknown).

    The joules of a sampled phase are those of all its steps, and so is the time that they are divided by.
    """
    marks = []
    for phase in (record or {}).get("phases", []):
        start_s, end_s = phase.get("started_s"), phase.get("ended_s")
        if start_s is None or end_s is None:
            continue
        energies_j = {energy["scope"]: energy["energy_j"] for energy in phase["energies"]}
        energy_j, run_s = energies_j.get(scope), phase.get("duration_s")
        mean_w = energy_j / (run_s + left_out_s(phase)) if energy_j is not None and run_s else None
        scenario = f", {words(phase['scenario'])}" if phase.get("scenario") else ""
        marks.append(
            {
                "phase": phase["phase"],
                "name": phase["phase"] + scenario,
                "start_s": start_s,
                "end_s": end_s,
                "mean_w": mean_w,
            }
        )
    return sorted(marks, key=lambda mark: float(mark["start_s"]))


def thinned_words(attempt: Attempt | None) -> str:
    """That its power trace was thinned, in a sentence; empty of a full one."""
    thinned = getattr(attempt, "thinned", None)
    if thinned is None or thinned.at is None:
        return ""
    day = date_format(thinned.at, "j F Y")
    return (
        f"The power trace was thinned on {day}, from {thinned.samples_before:,} samples to {thinned.samples:,}. "
        "Every phase has the joules that it had, and the highest and lowest power are kept. The full trace had the "
        f"SHA-256 {thinned.sha256_before}, this one has {thinned.sha256}."
    )


def why_full(attempt: Attempt) -> str:
    """Why its power trace was not thinned when its time came; empty if it has not come, or if it was."""
    thinned = getattr(attempt, "thinned", None)
    return f"Stays full: {thinned.reason}." if thinned and thinned.reason else ""


def trace_tag(attempt: Attempt | None) -> str | None:
    """An ETag of power over time; None without a trace."""
    if attempt is None or not attempt.trace:
        return None
    # The time too: a replaced database numbers its attempts from 1 again.
    return f'"{attempt.pk}-{attempt.started_at.timestamp():.6f}{"-thinned" if thinned_words(attempt) else ""}"'


def power_table(marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same as text, timed from the start of the first phase; for readers who can't see the chart."""
    first_s = marks[0]["start_s"] if marks else 0.0
    return [
        {
            "phase": mark["phase"],
            "name": mark["name"],
            "start": seconds(mark["start_s"] - first_s),
            "duration": seconds(mark["end_s"] - mark["start_s"]),
            "mean": si(mark["mean_w"], "W"),
        }
        for mark in marks
    ]
