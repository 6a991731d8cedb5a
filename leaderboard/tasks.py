"""Celery's tasks: claim, call, map errors, finish. The only place where leaderboard and measurement meet."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from celery import Task
from django.conf import settings
from django.utils import timezone

from leaderboard import queries, services
from leaderboard.celery import app
from leaderboard.models import Run
from leaderboard.progress import ProgressView
from leaderboard.services import Claim
from leaderboard.supervisor import Child, Ending, Limits, supervise
from measurement.documents import DocumentError
from measurement.events import Event

PROGRESS_EVERY_S = 0.5
CHECK_EVERY_S = 1.0
LOST, CANCELLED, STOPPING = "lost", "cancelled", "stopping"

log = structlog.get_logger()


@app.task(name="leaderboard.tasks.verify", bind=True)
def verify(self: Task, run_id: int) -> None:
    """Verify one queued run, if it is still to be had."""
    worker = self.request.hostname or "worker"
    claim = services.claim(run_id, worker)
    if claim is None:
        return
    run = Run.objects.select_related("recipe").get(pk=run_id)
    log.info("run claimed", run=run_id, attempt=claim.token, recipe=run.recipe.sha256[:12])
    out = settings.DATA_ROOT / "work" / f"run-{run_id}-{claim.token}"
    try:
        with Termination() as termination:
            _verify(claim, run, out, worker, termination)
    except Exception as error:
        log.exception("run crashed the task", run=run_id)
        services.fail(claim, f"The worker failed: {error}")
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _verify(claim: Claim, run: Run, out: Path, worker: str, termination: Termination) -> None:
    import json

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "recipe.json").write_text(json.dumps(run.recipe.document), "utf-8")
    limits = Limits(
        time_s=settings.RUN_TIME_BUDGET_S,
        energy_j=settings.RUN_ENERGY_BUDGET_J,
        memory_mb=settings.RUN_MEMORY_LIMIT_MB,
        silence_s=settings.RUN_SILENCE_LIMIT_S,
    )
    watch = Watch(claim, worker, termination)
    ending = supervise(Child(out, mode=run.mode, device=settings.WORKER_DEVICE, limits=limits), watch)
    _finish(claim, out, ending, watch)


def _finish(claim: Claim, out: Path, ending: Ending, watch: Watch) -> None:
    if ending.succeeded:
        _store(claim, out)
    elif watch.stopped_because == LOST:
        log.warning("run lost to another worker", run=claim.run_id, attempt=claim.token)
    elif watch.stopped_because in (CANCELLED, STOPPING):
        services.stop(claim, cancelled=watch.stopped_because == CANCELLED)
    else:
        services.fail(claim, ending.reason)
        log.info("run failed", run=claim.run_id, attempt=claim.token, reason=ending.reason)


def _store(claim: Claim, out: Path) -> None:
    trace = out / "trace.parquet"
    try:
        stored = services.record(claim, (out / "record.json").read_bytes(), trace if trace.exists() else None)
    except (DocumentError, ValueError) as error:
        services.fail(claim, f"The measurement wrote a record that can't be taken: {error}")
    except FileNotFoundError:
        services.fail(claim, "The measurement ended without a record.")
    else:
        log.info("run recorded" if stored else "stale record refused", run=claim.run_id, attempt=claim.token)


class Watch:
    """Takes a child's events: stores progress, keeps the lease, and says when the child must stop."""

    def __init__(self, claim: Claim, worker: str, termination: Termination) -> None:
        self.claim = claim
        self.worker = worker
        self.termination = termination
        self.view = ProgressView()
        self.stopped_because = ""
        self._stored_at = self._checked_at = self._renewed_at = 0.0

    def __call__(self, event: Event | None) -> str:
        now = time.monotonic()
        changed = event is not None and self.view.take(event)
        if changed or (self.view.pending and now - self._stored_at > PROGRESS_EVERY_S):
            self._stored_at = now
            self.view.pending = False
            if not services.report_progress(self.claim, self.view.as_json()):
                self.stopped_because = LOST
        if not self.stopped_because:
            self.stopped_because = self._check(now)
        return self.stopped_because

    def _check(self, now: float) -> str:
        if self.termination.requested:
            return STOPPING
        if now - self._renewed_at > settings.LEASE_SECONDS / 5:
            self._renewed_at = now
            services.worker_seen(self.worker)
            if not services.renew_lease(self.claim):
                return LOST
        if now - self._checked_at > CHECK_EVERY_S:
            self._checked_at = now
            if services.cancel_is_requested(self.claim):
                return CANCELLED
        return ""


class Termination:
    """Turns SIGTERM and Ctrl-C into a flag while a child runs; whoever handled them before gets them afterwards."""

    def __init__(self) -> None:
        self.requested = 0

    def __enter__(self) -> Termination:
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = number

    def __exit__(self, *exception: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.requested:
            signal.raise_signal(self.requested)


@app.task(name="leaderboard.tasks.sweep_queued", expires=10)
def sweep_queued() -> None:
    """Ring again for every queued run that the broker may have lost."""
    due = list(queries.runs().due_for_a_ring(timezone.now()).select_related("hardware")[:1000])
    services.announce(due)


@app.task(name="leaderboard.tasks.reap_expired", expires=5)
def reap_expired() -> None:
    """Take runs away from workers that fell silent."""
    services.announce(queries.runs().queued().filter(pk__in=services.reap()).select_related("hardware"))
