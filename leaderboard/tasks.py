"""Celery's tasks: claim, call, map errors, finish. The only place where leaderboard and measurement meet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from celery import Task
from django.conf import settings
from django.db import Error, connection
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from leaderboard import queries, services
from leaderboard.celery import app
from leaderboard.models import Hardware, Run
from leaderboard.routing import tracks_of_worker
from leaderboard.services import Claim
from leaderboard.worker import folders
from leaderboard.worker.child import Child, Ending, Limits, supervise
from leaderboard.worker.follow import CANCELLED, LOST, STOPPING, Termination, Watch, may_pass
from measurement.documents import DocumentError
from measurement.errors import Fault

# A measurement may have taken hours: what it found is worth some minutes of waiting for the database.
INSIST_FOR_S = 300.0
INSIST_EVERY_S = 2.0
PAUSE_S, LONGEST_PAUSE_S = 10.0, 300.0
RING_AHEAD = 10

log = structlog.get_logger()


class Fitness:
    """How long this worker leaves the queue to others: longer with each fault of its machine in a row."""

    def __init__(self) -> None:
        self._faults = 0

    def pause_s(self, fit: bool) -> float:
        """Seconds to wait before the next run, after one that did or did not find the machine fit."""
        self._faults = 0 if fit else self._faults + 1
        return 0.0 if fit else min(PAUSE_S * 3.0 ** (self._faults - 1), LONGEST_PAUSE_S)


_fitness = Fitness()


@app.task(name="leaderboard.tasks.verify", bind=True)
def verify(self: Task[[int], None], run_id: int) -> None:
    """Verify one queued run, if it is still to be had."""
    worker = self.request.hostname or "worker"
    claim = services.claim(run_id, worker)
    if claim is None:
        return
    with Termination() as termination:
        fit = _attempt(claim, worker, termination)
        termination.wait(_fitness.pause_s(fit))
        if fit and not termination.requested:
            _ring_for_the_next(run_id, worker)


def _attempt(claim: Claim, worker: str, termination: Termination) -> bool:
    """Measure and store, whatever happens. False where this machine is at fault: the next run would fare alike."""
    try:
        fit = _verify(claim, worker, termination)
    except Exception as error:
        log.exception("run crashed the task", run=claim.run_id)
        if may_pass(error):
            left_behind = str(folders.of(claim))
            log.error("database away: the run is left to another worker", run=claim.run_id, left_behind=left_behind)
            return True
        fit = not isinstance(error, OSError)
        _give_up(claim, error)
    folders.leave(claim)
    return fit


def _give_up(claim: Claim, error: Exception) -> None:
    """Tell people that it failed. What exactly is for the log: it may name addresses and accounts of this machine."""
    try:
        if isinstance(error, OSError):
            reason = f"The worker's machine is at fault: {error.strerror or 'a file or a program could not be used'}"
            _insist(claim, lambda: services.lose(claim, reason))
        else:
            _insist(claim, lambda: services.fail(claim, "The worker failed unexpectedly; its log says why."))
    except Exception:
        log.exception("run left to the reaper", run=claim.run_id)


def _verify(claim: Claim, worker: str, termination: Termination) -> bool:
    run = Run.objects.select_related("recipe").get(pk=claim.run_id)
    log.info("run claimed", run=run.pk, attempt=claim.token, recipe=run.recipe.sha256[:12])
    out = folders.make(claim)
    (out / "recipe.json").write_text(json.dumps(run.recipe.document, ensure_ascii=False), "utf-8")
    limits = Limits(
        time_s=settings.RUN_TIME_BUDGET_S,
        energy_j=settings.RUN_ENERGY_BUDGET_J,
        memory_mb=settings.RUN_MEMORY_LIMIT_MB,
        silence_s=settings.RUN_SILENCE_LIMIT_S,
    )
    watch = Watch(claim, worker, termination)
    ending = supervise(Child(out, mode=run.mode, device=settings.WORKER_DEVICE, limits=limits), watch)
    _finish(claim, out, ending, watch)
    if ending.fault == Fault.DATA:
        # Time for a worker that has them to take the run; weights that nobody has stop nobody for long.
        termination.wait(PAUSE_S)
        return True
    return ending.fault != Fault.MACHINE


def _finish(claim: Claim, out: Path, ending: Ending, watch: Watch) -> None:
    if ending.succeeded and watch.stopped_because != CANCELLED:
        _store(claim, out)
    elif watch.stopped_because == LOST:
        log.warning("run lost to another worker", run=claim.run_id, attempt=claim.token)
    elif watch.stopped_because in (CANCELLED, STOPPING):
        _insist(claim, lambda: services.stop(claim, cancelled=watch.stopped_because == CANCELLED))
    else:
        log.info("run failed", run=claim.run_id, attempt=claim.token, reason=ending.reason)
        end = services.lose if ending.is_worth_another_machine else services.fail
        _insist(claim, lambda: end(claim, ending.reason))


def _store(claim: Claim, out: Path) -> None:
    trace = out / "trace.parquet"
    try:
        text = (out / "record.json").read_bytes()
    except FileNotFoundError:
        _insist(claim, lambda: services.fail(claim, "The measurement ended without a record."))
        return
    try:
        stored = _insist(claim, lambda: services.record(claim, text, trace if trace.exists() else None))
    except (DocumentError, ValueError) as error:
        reason = f"The measurement wrote a record that can't be taken: {error}"
        _insist(claim, lambda: services.fail(claim, reason))
    else:
        log.info("run recorded" if stored else "stale record refused", run=claim.run_id, attempt=claim.token)


def _insist(claim: Claim, act: Callable[[], bool]) -> bool:
    """Call `act` until it goes through: a database or a disk that is away for a moment is no reason to lose a result.

    False where the run is no longer this worker's.
    """
    until = time.monotonic() + INSIST_FOR_S
    while True:
        try:
            return act()
        except (Error, OSError) as error:
            if time.monotonic() > until or not (may_pass(error) or isinstance(error, OSError)):
                raise
            log.warning("not stored yet, tried again", run=claim.run_id, error=str(error))
        _reconnect_and_renew(claim)


def _reconnect_and_renew(claim: Claim) -> None:
    connection.close()
    time.sleep(INSIST_EVERY_S)
    try:
        services.renew_lease(claim)
    except Error as error:
        log.warning("database still away", run=claim.run_id, error=str(error))
        connection.close()


def _ring_for_the_next(run_id: int, worker: str) -> None:
    """The sweeps ring for the first few in line only; whoever finishes one calls the next."""
    try:
        hardware = Hardware.objects.get(runs=run_id)
        waiting = queries.runs().queued().filter(hardware=hardware).doable_with(tracks_of_worker(worker))
        services.announce(waiting.with_bells()[:1])
    except Error as error:
        log.warning("next run not rung for", error=str(error))
        connection.close()


@app.task(name="leaderboard.tasks.sweep_queued", expires=10)
def sweep_queued() -> None:
    """Ring again for the first in each line of hardware and track, where the broker may have lost them."""
    line = [F("hardware_id"), F("recipe__track"), F("mode")]
    place = Window(RowNumber(), partition_by=line, order_by=["queued_at", "pk"])
    first = queries.runs().queued().annotate(place=place).filter(place__lte=RING_AHEAD)
    due = queries.runs().due_for_a_ring(timezone.now()).filter(pk__in=[run.pk for run in first])
    services.announce(due.with_bells())


@app.task(name="leaderboard.tasks.reap_expired", expires=5)
def reap_expired() -> None:
    """Take runs away from workers that fell silent."""
    services.announce(queries.runs().queued().filter(pk__in=services.reap()).with_bells())
