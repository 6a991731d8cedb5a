"""Who submitted an entry's work, when, and how often this site's workers verified it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from leaderboard.models import Entry, Run
from leaderboard.presentation.entry.repeats import reproduced
from measurement.recipe.inference import Inference

NOBODY = "no named account"


def run_as(entry: Entry) -> dict[str, Any] | None:
    """How the entry's network is run while its energy per image is metered; None of a published result."""
    if entry.recipe is None:
        return None
    given = entry.recipe.document.get("inference", {})
    known = {name: given[name] for name in Inference.model_fields if name in given}
    inference = Inference.model_validate_json(json.dumps(known))
    fields = inference.model_dump(mode="json", exclude={"scenarios", "max_batch_size"})
    return fields | {"mark": inference.mark}


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
        ("Audited", _audited(runs)),
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


def last_audit(runs: list[dict[str, Any]]) -> datetime | None:
    """When the last audit ended that left a result; None if there was none. runs: as in `submitted`."""
    audits = (line["run"] for line in runs if line["run"].is_audit and line["run"].state == "succeeded")
    return max((run.finished_at for run in audits if run.finished_at is not None), default=None)


def _audited(runs: list[dict[str, Any]]) -> str:
    """When last, and whether one is on its way."""
    last = last_audit(runs)
    waits = any(line["run"].is_audit and line["run"].state in ("queued", "running") for line in runs)
    words = f"last on {last:%Y-%m-%d}" if last else "not yet"
    return f"{words}; an audit is queued" if waits else words
