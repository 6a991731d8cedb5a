"""A run's way through a worker: claim, renew, report, end. Every write names the fencing token.

The token is the attempt's number. A worker that lost its lease holds an old one, and all that it writes is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from leaderboard.dispatch import ring
from leaderboard.domain.runstate import MOVES, RunState, after_lost_worker
from leaderboard.models import Attempt, Provenance, Run
from leaderboard.routing import doable_with, tracks_of_worker

LOST = "lost"


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to a run: valid while the run's attempt number is `token`."""

    run_id: int
    token: int


def _lease_end() -> Any:
    """By the database's clock, which is the one that ends the lease: those of the machines may differ."""
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def move(
    run_id: int, old: RunState, new: RunState, token: int, *, only_if: dict[str, Any] | None = None, **changes: Any
) -> bool:
    """Compare and swap: True where the run was in `old` under `token` (and as `only_if` says) and now is in `new`."""
    if new not in MOVES[old]:
        raise ValueError(f"a run can't go from {old} to {new}")
    held = Run.objects.filter(pk=run_id, state=old, attempt=token, **only_if or {})
    return bool(held.update(state=new, **changes))


@transaction.atomic
def claim(run_id: int, worker: str) -> Claim | None:
    """Take a queued run, or None where it is not to be had (taken, cancelled, finished, gone).

    Nor is a run of a track whose data this worker has told that it lacks.
    """
    able = doable_with(tracks_of_worker(worker))
    last = Run.objects.filter(able, pk=run_id, state=RunState.QUEUED).values_list("attempt", flat=True).first()
    if last is None:
        return None
    now = timezone.now()
    taken = move(
        run_id,
        RunState.QUEUED,
        RunState.RUNNING,
        last,
        attempt=last + 1,
        lease_expires_at=_lease_end(),
        started_at=now,
        cancel_requested=False,
        progress={},
        reason="",
    )
    if not taken:
        return None
    Attempt.objects.create(run_id=run_id, number=last + 1, worker=worker, started_at=now)
    return Claim(run_id, last + 1)


def _held(claim: Claim) -> QuerySet[Run]:
    return Run.objects.filter(pk=claim.run_id, attempt=claim.token, state=RunState.RUNNING)


def renew_lease(claim: Claim) -> bool:
    """Hold the run for another LEASE_SECONDS. False where it is no longer this worker's."""
    return bool(_held(claim).update(lease_expires_at=_lease_end()))


def cancel_is_requested(claim: Claim) -> bool:
    """Whether somebody asked to cancel the run."""
    return _held(claim).filter(cancel_requested=True).exists()


def report_progress(claim: Claim, progress: dict[str, Any]) -> bool:
    """Store what the status page shows. False where the run is no longer this worker's."""
    return bool(_held(claim).update(progress=progress))


def end_attempt(claim: Claim, outcome: str, reason: str = "", **fields: Any) -> Attempt:
    """Say how an attempt ended. Only for who has moved its run under its token, in the same transaction."""
    attempt = Attempt.objects.get(run_id=claim.run_id, number=claim.token)
    attempt.ended_at, attempt.outcome, attempt.reason = timezone.now(), outcome, reason
    for name, value in fields.items():
        setattr(attempt, name, value)
    attempt.save()
    return attempt


def _spent(claim: Claim) -> dict[str, Any]:
    """What the attempt has told of its spending so far, as fields of it; None where it told nothing."""
    progress = Run.objects.filter(pk=claim.run_id, attempt=claim.token).values_list("progress", flat=True).first()
    told = (progress or {}).get("spent", {})
    return {
        "spent_energy_j": told.get("energy_j"),
        "spent_time_s": told.get("time_s"),
        "spent_provenance": told.get("provenance", Provenance.MISSING),
    }


@transaction.atomic
def fail(claim: Claim, reason: str) -> bool:
    """End the run without a result. False where it is no longer this worker's."""
    return _end(claim, RunState.FAILED, reason)


@transaction.atomic
def stop(claim: Claim, *, cancelled: bool) -> bool:
    """End this attempt: the run is cancelled, or goes back to the queue because its worker is shutting down."""
    if cancelled:
        return _end_cancelled(claim)
    moved = _give_back(claim, "stopped", "The worker was stopped; the run waits for the next one.")
    return moved or _end_cancelled(claim, only_if={"cancel_requested": True})


@transaction.atomic
def lose(claim: Claim, reason: str) -> bool:
    """Give the run back because this machine can't do it, or fail it where it was lost MAX_ATTEMPTS times.

    False where it is no longer this worker's.
    """
    reason = reason.rstrip(".")
    return _lose(claim, f"{reason}; the run waits for another worker.", reason + "; given up after {lost} attempts.")


def _end_cancelled(claim: Claim, only_if: dict[str, Any] | None = None) -> bool:
    reason = Run.objects.filter(pk=claim.run_id).values_list("reason", flat=True).first() or "Cancelled."
    return _end(claim, RunState.CANCELLED, reason, only_if)


def _end(claim: Claim, state: RunState, reason: str, only_if: dict[str, Any] | None = None) -> bool:
    spent = _spent(claim)
    moved = move(
        claim.run_id,
        RunState.RUNNING,
        state,
        claim.token,
        only_if=only_if,
        reason=reason,
        finished_at=timezone.now(),
        lease_expires_at=None,
        cancel_requested=False,
    )
    if moved:
        end_attempt(claim, str(state), reason, **spent)
    return moved


def _give_back(claim: Claim, outcome: str, reason: str, only_if: dict[str, Any] | None = None) -> bool:
    """Back to the queue; not where somebody asked to cancel the run, which the next worker would not learn of."""
    spent = _spent(claim)
    moved = move(
        claim.run_id,
        RunState.RUNNING,
        RunState.QUEUED,
        claim.token,
        only_if={"cancel_requested": False} | (only_if or {}),
        lease_expires_at=None,
        rung_at=None,
        progress={},
        reason=reason,
    )
    if moved:
        end_attempt(claim, outcome, reason, **spent)
    return moved


@transaction.atomic
def cancel(run_id: int, reason: str) -> bool:
    """Cancel a queued run; ask the worker of a running one to stop it. False where the run has ended."""
    run = Run.objects.select_for_update(no_key=True).get(pk=run_id)
    if run.state == RunState.QUEUED:
        return move(
            run_id, RunState.QUEUED, RunState.CANCELLED, run.attempt, reason=reason, finished_at=timezone.now()
        )
    return bool(_held(Claim(run_id, run.attempt)).update(cancel_requested=True, reason=reason))


def reap() -> list[int]:
    """Give the runs of silent workers to others, or fail those that used up MAX_ATTEMPTS. Returns their ids."""
    expired = {"lease_expires_at__lt": Now()}
    silent = Run.objects.filter(state=RunState.RUNNING, **expired).values_list("pk", "attempt")
    return [run_id for run_id, token in list(silent) if _reap(Claim(run_id, token), expired)]


@transaction.atomic
def _reap(claim: Claim, expired: dict[str, Any]) -> bool:
    return _lose(
        claim,
        f"The worker of attempt {claim.token} fell silent; the run waits for another.",
        "Its worker fell silent {lost} times. It may be running out of memory, or losing its network.",
        expired,
    )


def _lose(claim: Claim, reason: str, last_reason: str, only_if: dict[str, Any] | None = None) -> bool:
    """A worker that was stopped in good order has not lost its run: only silent and broken ones count."""
    only_if = only_if or {}
    lost = 1 + Attempt.objects.filter(run_id=claim.run_id, outcome=LOST).count()
    if after_lost_worker(lost, settings.MAX_ATTEMPTS) == RunState.QUEUED:
        moved = _give_back(claim, LOST, reason, only_if)
    else:
        last_reason = last_reason.replace("{lost}", str(lost))
        moved = _end(claim, RunState.FAILED, last_reason, only_if | {"cancel_requested": False})
    return moved or _end_cancelled(claim, only_if | {"cancel_requested": True})


def announce(runs: Iterable[Run]) -> int:
    """Ring for queued runs and remember when; what the broker can't be told now, a later sweep tells it."""
    rung = [run.pk for run in runs if ring(run)]
    Run.objects.filter(pk__in=rung).update(rung_at=timezone.now())
    return len(rung)
