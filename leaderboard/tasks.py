"""Celery's tasks: claim, call, map errors, finish."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import structlog
from celery import Task
from django.conf import settings
from django.db import Error, connection
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from leaderboard import queries, services
from leaderboard.celery import app
from leaderboard.database import clock
from leaderboard.domain.audits import choose
from leaderboard.models import Ended, Hardware, Run
from leaderboard.routing import LINE, doable_by_worker
from leaderboard.sending.deliver import deliver_due
from leaderboard.services import Claim, Left, outbox
from leaderboard.telemetry import tracing
from leaderboard.worker import folders
from leaderboard.worker.artifacts import Fetched
from leaderboard.worker.child import Child, Ending, Limits, supervise
from leaderboard.worker.fitness import lacks_fence_for
from leaderboard.worker.follow import CANCELLED, LOST, STOPPING, Termination, Watch, may_pass
from leaderboard.worker.reference import reference
from leaderboard.worker.service import PAUSE_S, service
from measurement.documents import DocumentError
from measurement.errors import Fault
from measurement.fence import Sandbox

# A measurement may have taken hours: its result is worth some minutes of waiting for the database.
RETRY_FOR_S = 300.0
RETRY_EVERY_S = 2.0
NOTIFY_AHEAD = 10
THIN_FOR_S = 30.0

log = structlog.get_logger()


@app.task(name="leaderboard.tasks.verify", bind=True)
def verify(self: Task[[int], None], run_id: int) -> None:
    """Verify the first run in line that this worker can do, if the one that it was notified of is still queued."""
    worker = self.request.hostname or "worker"
    with Termination() as termination:
        claim = services.claim_next(run_id, worker) if service.begin(worker, termination) else None
        if claim is None:
            return
        fault = _attempt(claim, worker, termination)
        service.end(worker, termination, fault)
        reference.between_runs(worker, termination)
        if not termination.requested:
            _notify_next(claim.run_id, worker)


def _attempt(claim: Claim, worker: str, termination: Termination) -> str:
    """Measure and store, whatever happens. Returns the machine's fault in words: the next run may meet it too."""
    structlog.contextvars.bind_contextvars(run=claim.run_id, attempt=claim.token)
    try:
        fault = _verify(claim, worker, termination)
    except Exception as error:
        log.exception("task crashed", run=claim.run_id)
        if may_pass(error):
            kept_in = str(folders.of(claim))
            log.error("database unreachable: run left to another worker", run=claim.run_id, folder=kept_in)
            return ""
        fault = _reason(error) if isinstance(error, OSError) else ""
        _give_up(claim, fault)
    folders.leave(claim)
    return fault


def _reason(error: OSError) -> str:
    return f"The worker's machine failed: {error.strerror or 'a file or a program could not be used'}"


def _give_up(claim: Claim, fault: str) -> None:
    """Store that the run failed. Details go to the log only: they may name addresses and accounts of this machine."""
    try:
        if fault:
            _retry_until_stored(claim, lambda: services.blame_machine(claim, fault))
        else:
            said = "The worker failed. Its log has the reason."
            _retry_until_stored(claim, lambda: services.fail(claim, said, Left(Ended.WORKER)))
    except Exception:
        log.exception("failure not stored, run left to expire", run=claim.run_id)


def _verify(claim: Claim, worker: str, termination: Termination) -> str:
    run = Run.objects.select_related("recipe").get(pk=claim.run_id)
    log.info("run claimed", run=run.pk, attempt=claim.token, recipe=run.recipe.sha256[:12])
    out = folders.make(claim)
    (out / "recipe.json").write_text(json.dumps(run.recipe.document, ensure_ascii=False), "utf-8")
    limits = Limits(
        time_s=settings.RUN_TIME_BUDGET_S,
        energy_j=settings.RUN_ENERGY_BUDGET_J,
        memory_mb=settings.RUN_MEMORY_LIMIT_MB,
        silence_s=settings.RUN_SILENCE_LIMIT_S,
        accept_busy=not settings.HOLD_BUSY_RESULTS,
        fenced=settings.SANDBOX != Sandbox.OFF,
    )
    watch = Watch(claim, worker, termination)
    with Fetched() as fetched:
        if lacking := lacks_fence_for(run.recipe.document):
            ending: Ending | None = Ending(False, lacking, Fault.DATA)
        else:
            ending = fetched.provide(run.recipe.document, watch)
        if ending is None:
            with tracing.span("measurement", run=run.pk, attempt=claim.token):
                ending = supervise(Child(out, mode=run.mode, device=settings.WORKER_DEVICE, limits=limits), watch)
    if not (ending.succeeded or watch.stopped_because):
        ending = _judged_again(ending)
    _finish(claim, out, ending, watch)
    if ending.fault == Fault.DATA:
        # Time for a worker that has the data to take the run. Constant: weights that no worker has must not add up.
        termination.wait(PAUSE_S)
    return ending.reason if ending.fault == Fault.MACHINE else ""


def _judged_again(ending: Ending) -> Ending:
    """A child that crashed or that can't name its fault may be the victim of a machine that lacks something now."""
    if ending.fault in (None, Fault.MEASUREMENT) and (lacking := service.fitness.lacks()):
        reason = f"{ending.reason.rstrip('.')}; the worker's machine was at fault: {lacking}"
        return Ending(False, reason, Fault.MACHINE, replace(ending.left, fault=Ended.MACHINE))
    return ending


def _finish(claim: Claim, out: Path, ending: Ending, watch: Watch) -> None:
    if ending.succeeded and watch.stopped_because != CANCELLED:
        _store(claim, out)
    elif watch.stopped_because == LOST:
        log.warning("run lost to another worker", run=claim.run_id, attempt=claim.token)
    elif watch.stopped_because in (CANCELLED, STOPPING):
        _retry_until_stored(claim, lambda: services.stop(claim, cancelled=watch.stopped_because == CANCELLED))
    else:
        log.info("run failed", run=claim.run_id, attempt=claim.token, reason=ending.reason)
        ends = {Fault.MACHINE: services.blame_machine, Fault.DATA: services.lose}
        end = ends.get(ending.fault or Fault.MEASUREMENT, services.fail)
        _retry_until_stored(claim, lambda: end(claim, ending.reason, ending.left))


def _store(claim: Claim, out: Path) -> None:
    trace = out / "trace.parquet"
    try:
        text = (out / "record.json").read_bytes()
    except FileNotFoundError:
        said = "The measurement ended without writing a record."
        _retry_until_stored(claim, lambda: services.fail(claim, said, Left(Ended.CRASH)))
        return
    try:
        stored = _retry_until_stored(claim, lambda: services.record(claim, text, trace if trace.exists() else None))
    except (DocumentError, ValueError) as error:
        reason = f"The measurement wrote an invalid record: {error}"
        _retry_until_stored(claim, lambda: services.fail(claim, reason, Left(Ended.CRASH)))
    else:
        log.info("run recorded" if stored else "stale record rejected", run=claim.run_id, attempt=claim.token)


def _retry_until_stored(claim: Claim, act: Callable[[], bool]) -> bool:
    """Call `act` until it succeeds: a database or a disk that fails for a moment must not cost a result.

    False if the run is no longer this worker's.
    """
    until = time.monotonic() + RETRY_FOR_S
    while True:
        try:
            return act()
        except (Error, OSError) as error:
            if time.monotonic() > until or not (may_pass(error) or isinstance(error, OSError)):
                raise
            log.warning("storing failed, will retry", run=claim.run_id, error=str(error))
        _reconnect_and_renew(claim)


def _reconnect_and_renew(claim: Claim) -> None:
    connection.close()
    time.sleep(RETRY_EVERY_S)
    try:
        services.renew_lease(claim)
    except Error as error:
        log.warning("database still unreachable", run=claim.run_id, error=str(error))
        connection.close()


def _notify_next(run_id: int, worker: str) -> None:
    """Sweeps notify of the first few runs in line only; a worker that finishes one notifies of the next."""
    try:
        hardware = Hardware.objects.get(runs=run_id)
        waiting = queries.every_run().queued().filter(doable_by_worker(worker), hardware=hardware)
        services.dispatch(waiting.with_routing()[:1])
    except Error as error:
        log.warning("next run not dispatched", error=str(error))
        connection.close()


@app.task(name="leaderboard.tasks.sweep_queued", expires=10)
def sweep_queued() -> None:
    """Notify again of the first runs in each line of hardware and track: the broker may have lost the message."""
    line = [F("hardware_id"), F("recipe__track"), F("mode")]
    place = Window(RowNumber(), partition_by=line, order_by=list(LINE))
    first = queries.every_run().queued().annotate(place=place).filter(place__lte=NOTIFY_AHEAD)
    due = queries.every_run().due_for_notification().filter(pk__in=[run.pk for run in first])
    services.dispatch(due.with_routing())


@app.task(name="leaderboard.tasks.reap_expired", expires=5)
def reap_expired() -> None:
    """Queue the runs of workers that stopped reporting again."""
    services.dispatch(queries.every_run().queued().filter(pk__in=services.reap()).with_routing())


@app.task(name="leaderboard.tasks.audit_nightly", expires=3600)
def audit_nightly() -> None:
    """Queue tonight's audits, unless they were queued already or none can be measured now."""
    day = clock.now().date()
    if settings.AUDIT_SHARE <= 0 or queries.was_audited(day):
        return
    random = Random(day.isoformat())  # noqa: S311 - the same choice again, should two tasks run at once
    waiting = queries.waiting_audits()
    chosen = choose(queries.auditable(), share=settings.AUDIT_SHARE, waiting=waiting, random=random)
    if chosen:
        queued = services.audit_night(day, chosen)
        log.info("audits queued", runs=[run.pk for run in queued])


@app.task(name="leaderboard.tasks.deliver")
def deliver() -> None:
    """Send the mails and call the webhooks that are due."""
    deliver_due()


@app.task(name="leaderboard.tasks.remove_unused_uploads", expires=3600)
def remove_unused_uploads() -> None:
    """Remove uploads that nobody finished, and files that no submission has named for a time."""
    if removed := services.remove_unused():
        log.info("unused uploads removed", count=removed)


@app.task(name="leaderboard.tasks.thin_traces", expires=50)
def thin_traces() -> None:
    """Thin power traces that are older than TRACE_FULL_DAYS, for half a minute."""
    done = services.thin_old_traces(settings.TRACE_FULL_DAYS, within_s=THIN_FOR_S)
    if done.thinned or done.stay:
        log.info("power traces thinned", thinned=done.thinned, stay=done.stay, bytes=done.bytes_before - done.bytes)


@app.task(name="leaderboard.tasks.forget_old_notices")
def forget_old_notices() -> None:
    """Remove what was sent long ago."""
    outbox.forget_old()
