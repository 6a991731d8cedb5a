"""Withdrawing a submission, and undoing that for a while."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from leaderboard.database import clock
from leaderboard.domain.runstate import ACTIVE, RunState
from leaderboard.models import Action, NoticeKind, Priority, Run, Submission
from leaderboard.services import versions
from leaderboard.services.claims import hear
from leaderboard.services.limits import check_active_runs, check_acts, check_quota, take_turn
from leaderboard.services.log import optional_reason, write_log
from leaderboard.services.notices import tell_of_submission
from leaderboard.services.publication import lock_works, refresh_entries
from leaderboard.services.refusal import Gone, Refused
from leaderboard.services.submissions import answer, cancel_without_notice, check_seeds, enqueue, is_by_submitter
from measurement.recipe import parse_recipe

FIELD = "submission"


@transaction.atomic
def withdraw(submission: Submission, *, by: User | None, reason: str = "") -> None:
    """Withdraw a submission: its run is cancelled. Results stay stored.

    Its work leaves the boards, unless another submission of the work is left: then its results still count in the
    mean. Raises Refused if it was withdrawn before.
    """
    reason = optional_reason(reason)
    lock_works([submission.recipe.work_id])
    standing = Submission.objects.filter(pk=submission.pk, withdrawn_at__isnull=True)
    if not standing.update(withdrawn_at=Now(), withdrawn_by=by):
        raise Refused(FIELD, "the submission was already withdrawn")
    line = write_log(Action.WITHDRAW, submission, by=by, reason=reason)
    if not is_by_submitter(submission, by):
        tell_of_submission(NoticeKind.TAKEN_DOWN, submission, event=line, reason=reason)
    for run in submission.runs.filter(state__in=ACTIVE):
        with suppress(Refused):  # it has just ended; what it published is removed below
            cancel_without_notice(run, by=by, reason=reason)
    _refresh(submission)


@transaction.atomic
def restore(submission: Submission, *, by: User, reason: str = "") -> list[Run]:
    """Undo a withdrawal: what was published comes back, and runs that it cancelled are queued again. Returns these.

    Raises Refused if it is not withdrawn, if an administrator withdrew it and no administrator asks, and while its
    run is still stopping; Gone after UNDO_WITHDRAWAL_DAYS; and what `submit` raises for the runs to be queued.
    """
    reason = optional_reason(reason)
    take_turn(submission.submitter or by)
    lock_works([submission.recipe.work_id])
    locked = Submission.objects.select_for_update(no_key=True, of=("self",))
    found = locked.select_related("recipe__work", "hardware", "submitter").get(pk=submission.pk)
    _check_can_be_restored(found, by)
    check_acts(by, Action.RESTORE)
    assert found.withdrawn_at is not None, "checked above"  # noqa: S101
    again = _cancelled_with(found, found.withdrawn_at)
    Submission.objects.filter(pk=found.pk).update(withdrawn_at=None, withdrawn_by=None)
    found.withdrawn_at = None
    queued = [_queue_again(found, run, by) for run in again]
    numbers = [run.pk for run in queued]
    write_log(Action.RESTORE, found, by=by, reason=reason, **({"runs": numbers} if numbers else {}))
    # Who submitted the work meanwhile may have given it other names.
    hear(found.recipe.work, parse_recipe(found.recipe.document), found.submitter)
    _refresh(found)
    submission.refresh_from_db(fields=["withdrawn_at", "withdrawn_by"])
    return queued


def undo_days() -> float:
    """Days within which a withdrawal can be undone."""
    return float(settings.UNDO_WITHDRAWAL_DAYS)


def restorable_until(submission: Submission) -> datetime | None:
    """Until when a withdrawal can be undone; None of one that is not withdrawn."""
    if submission.withdrawn_at is None:
        return None
    return submission.withdrawn_at + timedelta(days=settings.UNDO_WITHDRAWAL_DAYS)


def _check_can_be_restored(submission: Submission, by: User) -> None:
    until = restorable_until(submission)
    if until is None:
        raise Refused(FIELD, "the submission is not withdrawn, so there is nothing to undo")
    if clock.now() > until:
        raise Gone(
            FIELD,
            f"the submission was withdrawn on {submission.withdrawn_at:%Y-%m-%d}, and that could be undone until "
            f"{until:%Y-%m-%d, %H:%M} UTC; submit the recipe again",
        )
    if not by.is_staff and submission.withdrawn_by_id != by.pk:
        raise Refused(FIELD, "the submission was withdrawn by an administrator; ask one to undo it")
    stopping = submission.runs.filter(state__in=ACTIVE).first()
    if stopping is not None:
        raise Refused(FIELD, f"run {stopping.pk} of the submission is still stopping; try again in a few seconds")


def _cancelled_with(submission: Submission, at: datetime) -> list[Run]:
    """The runs that the withdrawal cancelled, without those that others had asked for meanwhile."""
    cancelled = submission.runs.filter(state=RunState.CANCELLED, finished_at__gte=at).order_by("pk")
    recipe = parse_recipe(submission.recipe.document)
    return [run for run in cancelled if answer(submission.recipe, recipe, submission.hardware, run.mode) is None]


def _queue_again(submission: Submission, run: Run, by: User) -> Run:
    """A new run in place of one that was cancelled; the submitter's limits hold for it."""
    if submission.submitter is not None:
        check_active_runs(submission.submitter)
        check_quota(submission.submitter)
    check_seeds(submission.recipe.work, submission.hardware, submission.submitter, but=submission)
    return enqueue(submission, requested_by=run.requested_by, mode=run.mode, priority=Priority(run.priority))


def _refresh(submission: Submission) -> None:
    refresh_entries(submission.recipe.work_id, submission.hardware)
    if submission.version_of_id is not None:
        versions.standing_changed(submission)
