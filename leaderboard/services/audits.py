"""Audits: what counts on a board is measured again, at night or when an administrator asks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import structlog
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from leaderboard.domain.audits import Chosen
from leaderboard.domain.runstate import ACTIVE
from leaderboard.models import Action, AuditNight, Entry, Priority, Run, Submission
from leaderboard.services.log import optional_reason, write_log
from leaderboard.services.publication import counted_results, lock_works
from leaderboard.services.refusal import Refused
from leaderboard.services.submissions import enqueue

log = structlog.get_logger()


@transaction.atomic
def audit(entry: Entry, *, by: User | None, reason: str = "", **details: str) -> Run:
    """Queue another run of an entry's work, after all other runs; it counts in the entry's mean unless it drifted.

    details: what else the log's line says. Raises Refused for published figures, if a run of the work is queued or
    running already, and if all its submissions were withdrawn.
    """
    reason = optional_reason(reason)
    if entry.work_id is None:
        raise Refused("entry", f"entry {entry.pk} has published figures, which no run of this site's is behind")
    hardware = entry.board.hardware
    lock_works([entry.work_id])
    active = Run.objects.filter(recipe__work=entry.work_id, hardware=hardware, state__in=ACTIVE).first()
    if active is not None:
        raise Refused("entry", f"run {active.pk} of its work is already {active.state}; wait for it or cancel it")
    results = [run for run in counted_results(entry.work_id, hardware.pk) if run.submission_id is not None]
    # As in re-running: nobody withdraws it between this look and the new run.
    submissions = Submission.objects.select_for_update(no_key=True).order_by("pk")
    standing = submissions.in_bulk({run.submission_id for run in results})
    for run in results:
        submission = standing[run.submission_id]
        if submission.withdrawn_at is None:
            new = enqueue(submission, requested_by=by, mode=run.mode, priority=Priority.AUDIT)
            write_log(Action.AUDIT, entry, by=by, reason=reason, run=new.pk, **details)
            return new
    raise Refused("entry", f"entry {entry.pk} has no submission left, so it can't be run again")


def audit_night(day: date, chosen: Iterable[Chosen]) -> list[Run]:
    """Queue the audits of a day, once: a second task of the same day finds them queued, and does nothing."""
    try:
        with transaction.atomic():
            night = AuditNight.objects.create(day=day)
            queued = [run for one in chosen if (run := _audit_chosen(one)) is not None]
            night.queued = len(queued)
            night.save(update_fields=["queued"])
    except IntegrityError:
        return []
    return queued


def _audit_chosen(one: Chosen) -> Run | None:
    """None if what was chosen can't be audited any more."""
    entries = Entry.objects.filter(Entry.ON_BOARD, work=one.work, board__hardware=one.hardware)
    entry = entries.select_related("board__hardware", "recipe__method").order_by("pk").first()
    try:
        with transaction.atomic():
            return audit(entry, by=None, chosen=one.why) if entry is not None else None
    except Refused as refusal:
        log.info("audit left out", work=one.work, reason=refusal.message)
        return None
