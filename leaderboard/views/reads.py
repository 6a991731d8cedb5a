"""What only pages read from the database, by name."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from leaderboard import queries
from leaderboard.models import Attempt, Entry, PhaseEnergy, Run, Submission


def runs_by_state() -> dict[str, int]:
    """How many runs are in each state; states without runs are left out."""
    return {
        row["state"]: row["number"] for row in Run.objects.order_by().values("state").annotate(number=Count("pk"))
    }


def ahead_in_queue(run: Run) -> int:
    """How many runs the same hardware will do before this one."""
    return queries.runs().queued().filter(hardware=run.hardware_id, queued_at__lt=run.queued_at).count()


def entries_of_submission(submission: Submission) -> QuerySet[Entry]:
    """What stands on boards for a submission's recipe on its hardware."""
    return queries.entries().filter(recipe=submission.recipe_id, board__hardware=submission.hardware_id)


def siblings(entry: Entry) -> QuerySet[Entry]:
    """The same result on other boards: other scenarios and scopes of the same hardware, itself included."""
    return (
        queries.entries()
        .filter(recipe=entry.recipe_id, board__hardware=entry.board.hardware_id, board__track=entry.board.track)
        .order_by("board__scenario", "board__scope")
    )


def history(entry: Entry) -> QuerySet[Run]:
    """Every run of an entry's recipe on its hardware with attempts, the newest first."""
    return (
        queries.runs().filter(recipe=entry.recipe_id, hardware=entry.board.hardware_id).prefetch_related("attempts")
    )


def published_attempt(entry: Entry) -> Attempt | None:
    """The attempt whose record an entry's figures stand in: the last of its run that left one."""
    return Attempt.objects.filter(run=entry.run_id, record__isnull=False).order_by("-number").first()


def phases_of(attempt: Attempt | None) -> list[PhaseEnergy]:
    """An attempt's phases in order, in both scopes."""
    return list(PhaseEnergy.objects.filter(attempt=attempt)) if attempt else []
