"""The line of runs that wait for a hardware: whose turn it is, what comes first, and when nothing begins."""

from __future__ import annotations

from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max, Min

from leaderboard.domain.runstate import RunState
from leaderboard.models import Action, Hardware, Priority, Run, Worker
from leaderboard.routing import LINE
from leaderboard.services.log import given_reason, optional_reason, write_log
from leaderboard.services.refusal import Refused
from leaderboard.services.runs import dispatch

NOTIFIED = 10


def next_turn(hardware: Hardware, person: User | None, priority: Priority) -> int:
    """The turn of a person's next run: after their own that wait, and not before what waits now.

    So one person's many runs and another's few alternate, whoever queued first (start-time fair queueing).
    """
    waiting = Run.objects.filter(hardware=hardware, priority=priority, state=RunState.QUEUED)
    now = waiting.aggregate(now=Min("turn"))["now"] or 0
    own = waiting.filter(requested_by=person).aggregate(last=Max("turn"))["last"]
    return now if own is None else max(now, own + 1)


@transaction.atomic
def move_to_front(run: Run, *, by: User | None, reason: str = "") -> None:
    """Let a queued run go before all others of its hardware. Raises Refused if it does not wait."""
    reason = optional_reason(reason)
    moved = Run.objects.filter(pk=run.pk, state=RunState.QUEUED).exclude(priority=Priority.FIRST)
    turn = next_turn(run.hardware, None, Priority.FIRST)
    if not moved.update(priority=Priority.FIRST, turn=turn):
        raise Refused("run", f"run {run.pk} does not wait in line ({run.state}), or is at the front already")
    write_log(Action.MOVE, run, by=by, reason=reason)


@transaction.atomic
def pause(of: Hardware | Worker, *, by: User | None, reason: str) -> None:
    """Let a worker, or all of a hardware, begin no run; what runs is finished. Lasts until it is resumed.

    reason: why, which the queue's page shows. Raises Invalid without one, Refused if it is paused already.
    """
    reason = given_reason(reason)
    if not type(of).objects.filter(pk=of.pk, paused_for="").update(paused_for=reason):
        raise Refused("paused_for", f"{of} is paused already")
    write_log(Action.PAUSE, of, by=by, reason=reason)


@transaction.atomic
def resume(of: Hardware | Worker, *, by: User | None, reason: str = "") -> None:
    """Let it begin runs again. Raises Refused if it is not paused."""
    reason = optional_reason(reason)
    if not type(of).objects.filter(pk=of.pk).exclude(paused_for="").update(paused_for=""):
        raise Refused("paused_for", f"{of} is not paused")
    write_log(Action.RESUME, of, by=by, reason=reason)
    notify_after(of if isinstance(of, Hardware) else of.hardware)


def notify_after(hardware: Hardware) -> None:
    """Notify workers of what waits for a hardware, once the transaction is committed."""
    transaction.on_commit(partial(_notify, hardware))


def _notify(hardware: Hardware) -> None:
    waiting = Run.objects.filter(hardware=hardware, state=RunState.QUEUED).select_related("hardware", "recipe")
    dispatch(waiting.defer("recipe__document").order_by(*LINE)[:NOTIFIED])


def why_paused(worker: str) -> str:
    """Why a worker, or all of its hardware, is to begin no run, in words; empty if it may."""
    found = Worker.objects.filter(name=worker).values_list("paused_for", "hardware__paused_for", "drifted_for")
    *pauses, drifted = found.first() or ("", "")
    reason = next(filter(None, pauses), "")
    return f"paused by an administrator: {reason}" if reason else drifted
