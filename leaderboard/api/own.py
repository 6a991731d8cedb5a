"""One's own submissions, versions and corrections as the API says them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from rest_framework.request import Request

from leaderboard.domain.energy import one_time_energy_j
from leaderboard.models import Action, Entry, LogLine
from leaderboard.presentation.own_submissions import own_state, state_words
from leaderboard.presentation.versions import version_state
from leaderboard.queries import OwnLine, Version
from leaderboard.services import CORRECTED


def own_line(line: OwnLine, request: Request) -> dict[str, Any]:
    """A line of the list of one's own submissions."""
    submission, run, entry = line.submission, line.run, line.entry
    place = line.place.place if line.place is not None else None
    _, said, detail = state_words(line)
    absolute = request.build_absolute_uri
    return {
        "id": submission.pk,
        "state": own_state(line),
        "words": f"{said}: {detail}" if detail else said,
        "method": submission.recipe.method.title,
        "family": submission.recipe.method.family,
        "recipe": submission.recipe.sha256,
        "track": submission.recipe.track,
        "hardware": submission.hardware.slug,
        "mode": run.mode if run else None,
        "created_at": submission.created_at,
        "withdrawn_at": submission.withdrawn_at,
        "version_of": submission.version_of_id,
        "run": run.pk if run else None,
        "ahead": line.ahead,
        "waits_for": line.waits_for,
        "reason": run.reason if run else "",
        "held_for": run.held_for if run else [],
        **_figures(entry),
        "provenance": entry.provenance if entry else None,
        "rank": place.rank if place else None,
        "rank_best": place.rank_best if place else None,
        "rank_worst": place.rank_worst if place else None,
        "ranked": line.entries if place else None,
        "scenario": entry.board.scenario if entry else None,
        "scope": entry.board.scope if entry else None,
        "links": {
            "self": absolute(reverse("api-submission", args=[submission.pk])),
            "page": absolute(submission.get_absolute_url()),
        },
    }


def _figures(entry: Entry | None) -> dict[str, Any]:
    return {
        "entry": entry.pk if entry else None,
        "superseded_by": entry.superseded_by_id if entry else None,
        "quality": entry.quality if entry else None,
        "one_time_energy_j": one_time_energy_j(entry, 1) if entry else None,
        "inference_energy_j": entry.inference_energy_j if entry else None,
    }


def version_lines(versions: Iterable[Version]) -> list[dict[str, Any]]:
    """All versions, the first one first."""
    return [
        {
            "number": version.number,
            "submission": version.submission.pk,
            "method": version.submission.recipe.method.title,
            "hardware": version.submission.hardware.slug,
            "created_at": version.submission.created_at,
            "state": version_state(version),
            **_figures(version.entry),
        }
        for version in versions
    ]


def correction_lines(lines: Iterable[LogLine]) -> list[dict[str, Any]]:
    """What was corrected, the newest first."""
    found = []
    for line in lines:
        changes = {name: pair for name, pair in line.details.get("changes", {}).items() if name in CORRECTED}
        if changes:
            by = "submitter" if line.action == Action.CORRECT else "administrator"
            found.append({"at": line.at, "by": by, "reason": line.reason, "changes": changes})
    return found
