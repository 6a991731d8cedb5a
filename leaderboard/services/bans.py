"""Accounts that may read and no longer write."""

from __future__ import annotations

from contextlib import suppress

from django.contrib.auth.models import User
from django.db import transaction

from leaderboard.domain.runstate import ACTIVE, RunState
from leaderboard.models import Action, Ban, Entry, Hardware, LogLine, Run
from leaderboard.services.limits import take_turn
from leaderboard.services.log import given_reason, optional_reason, write_log
from leaderboard.services.notices import tell_results_taken_down
from leaderboard.services.publication import TAKEN_DOWN, lock_works, mark_held, refresh_entries, tell_taken_down
from leaderboard.services.refusal import Refused
from leaderboard.services.submissions import request_cancel


@transaction.atomic
def ban(user: User, *, by: User | None, reason: str, with_entries: bool = False) -> int:
    """Let an account read and no longer write, and cancel its runs. Returns how many entries left the boards.

    with_entries: hold its results too; entries that are then the mean of none leave the boards. reason: why, which
    the account reads. Raises Invalid without one; Refused if it is banned already, and for administrators.
    """
    reason = given_reason(reason)
    take_turn(user)
    if user.is_staff:
        raise Refused("user", f"{user} is an administrator; take the staff status away first")
    if Ban.objects.filter(user=user).exists():
        raise Refused("user", f"{user} is banned already; lift the ban first, to give another reason")
    runs = Run.objects.filter(submission__submitter=user)
    lock_works(runs.values_list("recipe__work", flat=True))
    Ban.objects.create(user=user, reason=reason)
    line = write_log(Action.BAN, user, by=by, reason=reason, with_entries=with_entries)
    for run in runs.filter(state__in=ACTIVE).order_by("pk"):
        with suppress(Refused):  # it has just ended
            request_cancel(run, by=by, reason=reason)
    return _hold_results(user, by=by, reason=reason, event=line) if with_entries else 0


def _hold_results(user: User, *, by: User | None, reason: str, event: LogLine) -> int:
    results = Run.objects.filter(submission__submitter=user, state=RunState.SUCCEEDED)
    works = sorted(set(results.values_list("recipe__work", "hardware")))
    for run in results.select_for_update(no_key=True, of=("self",)).order_by("pk"):
        if TAKEN_DOWN not in run.held_for:
            mark_held(run, by=by, reason=reason)
    if works:
        tell_results_taken_down(user, event=event, reason=reason)
    removed = 0
    for work, hardware in works:
        on_boards = Entry.objects.filter(work=work, board__hardware=hardware)
        shown = list(on_boards.select_related("recipe__method"))
        refresh_entries(work, Hardware.objects.get(pk=hardware))
        left = set(on_boards.values_list("pk", flat=True))
        gone = [entry for entry in shown if entry.pk not in left]
        tell_taken_down(gone, by=by, reason=reason)
        removed += len(gone)
    return removed


@transaction.atomic
def lift_ban(user: User, *, by: User | None, reason: str = "") -> None:
    """Let an account write again. What was held stays so until it is released. Raises Refused if it is not banned."""
    reason = optional_reason(reason)
    deleted, _ = Ban.objects.filter(user=user).delete()
    if not deleted:
        raise Refused("user", f"{user} is not banned")
    write_log(Action.LIFT_BAN, user, by=by, reason=reason)
