"""A run in the hands of a worker: claim, renew, report, end. Every write names the fencing token.

The token is the attempt's number. A worker that lost its lease has an old one, and all its writes are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from leaderboard.dispatch import notify
from leaderboard.domain.runstate import MOVES, RunState, after_lost_worker
from leaderboard.models import Attempt, Ended, NoticeKind, Provenance, Run, Worker
from leaderboard.routing import LINE, doable_by_worker
from leaderboard.services.notices import tell_of_end
from leaderboard.services.spent import add_spent

LOST = "lost"
"""The outcome of an attempt whose worker fell silent or lacked data: MAX_ATTEMPTS of them end the run."""
MACHINE_FAULT = "machine fault"
"""The outcome of an attempt that a disk, a meter or a device has ended: none of the run's attempts. Their limit is a
higher one, for a run that harms every machine."""


TRIED = 5
"""Of the first in line: other workers may take some in the same moment."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to a run: valid while the run's attempt number is `token`."""

    run_id: int
    token: int


@dataclass(frozen=True, slots=True)
class Left:
    """What an attempt without a result leaves: what ended it (of `Ended`), the recipe's field at fault, last lines.

    Empty where it is unknown.
    """

    fault: str = ""
    field: str = ""
    log: str = ""

    def columns(self) -> dict[str, str]:
        """As the attempt stores it."""
        return {"fault": self.fault, "fault_field": self.field[:200], "log": self.log}


NOTHING = Left()


def _lease_end() -> Any:
    """By the database's clock, which also decides when the lease ends: clocks of machines differ."""
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def move(
    run_id: int, old: RunState, new: RunState, token: int, *, only_if: dict[str, Any] | None = None, **changes: Any
) -> bool:
    """Compare and swap: True if the run was in `old` under `token` (and as `only_if` says) and now is in `new`."""
    if new not in MOVES[old]:
        raise ValueError(f"a run can't go from {old} to {new}")
    held = Run.objects.filter(pk=run_id, state=old, attempt=token, **only_if or {})
    return bool(held.update(state=new, **changes))


@transaction.atomic
def claim(run_id: int, worker: str) -> Claim | None:
    """Take a queued run. None if it is not queued any more, or if this worker may not or can't do it."""
    able = doable_by_worker(worker)
    able &= Q(hardware__paused_for="")
    last = Run.objects.filter(able, pk=run_id, state=RunState.QUEUED).values_list("attempt", flat=True).first()
    if last is None or Worker.objects.filter(name=worker).exclude(paused_for="", drifted_for="").exists():
        return None
    taken = move(
        run_id,
        RunState.QUEUED,
        RunState.RUNNING,
        last,
        attempt=last + 1,
        lease_expires_at=_lease_end(),
        started_at=Now(),
        cancel_requested=False,
        progress={},
        reason="",
    )
    if not taken:
        return None
    Attempt.objects.create(run_id=run_id, number=last + 1, worker=worker, started_at=Now())
    return Claim(run_id, last + 1)


def claim_next(rung_for: int, worker: str) -> Claim | None:
    """Take the first run in line on the hardware of a queued run that this worker can do; None if there is none.

    rung_for: the run that the worker was notified of. Others may have come before it since.
    """
    hardware = Run.objects.filter(pk=rung_for, state=RunState.QUEUED).values("hardware")
    waiting = Run.objects.filter(doable_by_worker(worker), hardware__in=hardware, state=RunState.QUEUED)
    first = list(waiting.order_by(*LINE).values_list("pk", flat=True)[:TRIED])
    return next((taken for run_id in first if (taken := claim(run_id, worker)) is not None), None)


def _held(claim: Claim) -> QuerySet[Run]:
    return Run.objects.filter(pk=claim.run_id, attempt=claim.token, state=RunState.RUNNING)


def renew_lease(claim: Claim) -> bool:
    """Hold the run for another LEASE_SECONDS. False if it is no longer this worker's."""
    return bool(_held(claim).update(lease_expires_at=_lease_end()))


def cancel_is_requested(claim: Claim) -> bool:
    """Whether a cancel was requested."""
    return _held(claim).filter(cancel_requested=True).exists()


def report_progress(claim: Claim, progress: dict[str, Any]) -> bool:
    """Store what the status page shows. False if the run is no longer this worker's."""
    return bool(_held(claim).update(progress=progress))


def end_attempt(claim: Claim, outcome: str, reason: str = "", **fields: Any) -> Attempt:
    """Store how an attempt ended. Only after `move` succeeded with its token, in the same transaction."""
    attempt = Attempt.objects.get(run_id=claim.run_id, number=claim.token)
    attempt.ended_at, attempt.outcome, attempt.reason = Now(), outcome, reason
    for name, value in fields.items():
        setattr(attempt, name, value)
    attempt.save()
    attempt.refresh_from_db(fields=["started_at"])
    add_spent(attempt)
    return attempt


def _spent(claim: Claim) -> dict[str, Any]:
    """What the attempt has reported of its spending so far, as its fields; None if it reported nothing."""
    progress = Run.objects.filter(pk=claim.run_id, attempt=claim.token).values_list("progress", flat=True).first()
    spent = (progress or {}).get("spent", {})
    return {
        "spent_energy_j": spent.get("energy_j"),
        "spent_time_s": spent.get("time_s"),
        "spent_provenance": spent.get("provenance", Provenance.MISSING),
    }


@transaction.atomic
def fail(claim: Claim, reason: str, left: Left = NOTHING) -> bool:
    """End the run without a result. False if it is no longer this worker's."""
    return _end(claim, RunState.FAILED, reason, left=left)


@transaction.atomic
def stop(claim: Claim, *, cancelled: bool) -> bool:
    """End this attempt: the run is cancelled, or goes back to the queue because its worker is shutting down."""
    if cancelled:
        return _end_cancelled(claim)
    moved = _give_back(claim, "stopped", "The worker was stopped; the run is queued again.")
    return moved or _end_cancelled(claim, only_if={"cancel_requested": True})


@transaction.atomic
def lose(claim: Claim, reason: str, left: Left = NOTHING) -> bool:
    """Queue the run again because this worker can't do it, or fail it after MAX_ATTEMPTS such losses.

    False if it is no longer this worker's.
    """
    reason = reason.rstrip(".")
    return _lose(claim, f"{reason}; the run is queued again.", reason + "; failed after {lost} attempts.", left=left)


@transaction.atomic
def blame_machine(claim: Claim, reason: str, left: Left = Left(Ended.MACHINE)) -> bool:
    """Queue the run again because this machine broke down, which is no attempt of the run.

    It fails after MAX_MACHINE_FAULTS of them. False if it is no longer this worker's.
    """
    reason = reason.rstrip(".")
    return _lose(
        claim,
        f"{reason}; the run is queued again.",
        reason + "; failed after {lost} faults of machines. It may be the run that harms them.",
        outcome=MACHINE_FAULT,
        left=left,
    )


def _end_cancelled(claim: Claim, only_if: dict[str, Any] | None = None) -> bool:
    reason = Run.objects.filter(pk=claim.run_id).values_list("reason", flat=True).first() or "Cancelled."
    return _end(claim, RunState.CANCELLED, reason, only_if)


def _end(
    claim: Claim, state: RunState, reason: str, only_if: dict[str, Any] | None = None, left: Left = NOTHING
) -> bool:
    spent = _spent(claim)
    moved = move(
        claim.run_id,
        RunState.RUNNING,
        state,
        claim.token,
        only_if=only_if,
        reason=reason,
        finished_at=Now(),
        lease_expires_at=None,
        cancel_requested=False,
    )
    if moved:
        end_attempt(claim, str(state), reason, **spent, **left.columns())
    if moved and state == RunState.FAILED:
        tell_of_end(NoticeKind.FAILED, Run.objects.get(pk=claim.run_id), reason=reason)
    return moved


def _give_back(
    claim: Claim, outcome: str, reason: str, only_if: dict[str, Any] | None = None, left: Left = NOTHING
) -> bool:
    """Back to the queue, unless a cancel was requested: the next worker would not know of it."""
    spent = _spent(claim)
    moved = move(
        claim.run_id,
        RunState.RUNNING,
        RunState.QUEUED,
        claim.token,
        only_if={"cancel_requested": False} | (only_if or {}),
        lease_expires_at=None,
        notified_at=None,
        progress={},
        reason=reason,
    )
    if moved:
        end_attempt(claim, outcome, reason, **spent, **left.columns())
    return moved


@transaction.atomic
def cancel(run_id: int, reason: str) -> bool:
    """Cancel a queued run; ask the worker of a running one to stop it. False if the run has ended."""
    run = Run.objects.select_for_update(no_key=True).get(pk=run_id)
    if run.state == RunState.QUEUED:
        return move(run_id, RunState.QUEUED, RunState.CANCELLED, run.attempt, reason=reason, finished_at=Now())
    return bool(_held(Claim(run_id, run.attempt)).update(cancel_requested=True, reason=reason))


def reap() -> list[int]:
    """Queue the runs of silent workers again, or fail those that used up MAX_ATTEMPTS. Returns their ids."""
    expired = {"lease_expires_at__lt": Now()}
    silent = Run.objects.filter(state=RunState.RUNNING, **expired).values_list("pk", "attempt")
    return [run_id for run_id, token in list(silent) if _reap(Claim(run_id, token), expired)]


@transaction.atomic
def _reap(claim: Claim, expired: dict[str, Any]) -> bool:
    return _lose(
        claim,
        f"The worker of attempt {claim.token} stopped responding; the run is queued again.",
        "Its worker stopped responding {lost} times. It may be out of memory or have lost its network.",
        expired,
        left=Left(Ended.WORKER),
    )


def _lose(
    claim: Claim,
    reason: str,
    last_reason: str,
    only_if: dict[str, Any] | None = None,
    *,
    outcome: str = LOST,
    left: Left = NOTHING,
) -> bool:
    """Counts only attempts of this outcome: a worker that was stopped in good order has lost nothing."""
    only_if = only_if or {}
    limit = settings.MAX_ATTEMPTS if outcome == LOST else settings.MAX_MACHINE_FAULTS
    lost = 1 + Attempt.objects.filter(run_id=claim.run_id, outcome=outcome).count()
    if after_lost_worker(lost, limit) == RunState.QUEUED:
        moved = _give_back(claim, outcome, reason, only_if, left)
    else:
        last_reason = last_reason.replace("{lost}", str(lost))
        moved = _end(claim, RunState.FAILED, last_reason, only_if | {"cancel_requested": False}, left)
    return moved or _end_cancelled(claim, only_if | {"cancel_requested": True})


def dispatch(runs: Iterable[Run]) -> int:
    """Notify workers of queued runs, and store when. A later sweep repeats what the broker does not take now."""
    notified = [run.pk for run in runs if notify(run)]
    Run.objects.filter(pk__in=notified).update(notified_at=Now())
    return len(notified)
