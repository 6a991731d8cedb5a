"""The reference workload on this worker's device: at its start and daily, and never during a verification.

While the worker is idle, so that it delays no run: one that comes ends it at once, and it is begun again later. A
worker that is never idle has its turn between two runs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, connection

from leaderboard import queries, services
from leaderboard.models import Worker
from leaderboard.routing import doable_by
from leaderboard.worker import folders
from leaderboard.worker.child import kill_group, scrubbed_environment
from leaderboard.worker.follow import Termination

EVERY_S = 24 * 3600.0
# A worker that always has runs makes room for it when it has been due for so long.
AT_ONCE_AFTER_S = 3600.0
AGAIN_AFTER_S = 3600.0
# What it may take beyond its own time: torch is loaded, and memory is found.
OVERHEAD_S = 120.0
LOOK_EVERY_S, SEEN_EVERY_S = 1.0, 10.0

log = structlog.get_logger()


class ReferenceCheck:
    """When this process' worker measures the reference workload next; never in a process that is no worker."""

    def __init__(self) -> None:
        self._due_at: float | None = None

    def start(self) -> None:
        """The worker has started: it is due."""
        self._due_at = time.monotonic()

    def when_idle(self, worker: str) -> bool:
        """Measure if it is due, until a run comes. Whether it was due."""
        if not self._is_due(0.0):
            return False
        with Termination() as termination:
            self._measure(worker, lambda: bool(termination.requested) or _a_run_waits(worker))
        return True

    def between_runs(self, worker: str, termination: Termination) -> None:
        """Measure if it has been due for long, because the worker is never idle."""
        if self._is_due(AT_ONCE_AFTER_S):
            self._measure(worker, lambda: bool(termination.requested))

    def _is_due(self, for_s: float) -> bool:
        is_on = settings.REFERENCE_S > 0 and self._due_at is not None
        return is_on and time.monotonic() >= (self._due_at or 0.0) + for_s

    def _measure(self, worker: str, must_stop: Callable[[], bool]) -> None:
        again = True
        while again and not must_stop():
            figures = _figures(worker, must_stop)
            if must_stop():
                return  # still due
            if figures is None:
                self._due_at = time.monotonic() + AGAIN_AFTER_S
                return
            self._due_at = time.monotonic() + EVERY_S
            again = _store(worker, figures)


def _store(worker: str, figures: dict[str, Any]) -> bool:
    try:
        again = services.record_reference(worker, figures)
    except Error as error:
        log.warning("reference workload not stored", worker=worker, reason=str(error))
        connection.close()
        return False
    log.info("reference workload", worker=worker, images_per_s=round(figures["images_per_s"], 1), repeat=again)
    return again


def _a_run_waits(worker: str) -> bool:
    """Whether there is a run that this worker could take now."""
    try:
        found = Worker.objects.filter(name=worker, paused_for="", drifted_for="").first()
        if found is None:
            return False
        waiting = queries.every_run().queued().filter(hardware=found.hardware_id, hardware__paused_for="")
        return waiting.filter(doable_by(found.diagnosis)).exists()
    except Error:
        connection.close()
        return False


def _figures(worker: str, must_stop: Callable[[], bool]) -> dict[str, Any] | None:
    """What the workload took; None if it was stopped, or failed, of which the log has the reason."""
    folder = folders.root() / f"reference-{settings.WORKER_DEVICE.replace(':', '-')}"
    folder.mkdir(parents=True, exist_ok=True)
    said, complained = folder / "figures.json", folder / "errors.txt"
    command = [sys.executable, "-I", "-m", "measurement", "reference", "--json", "--watch-stdin"]
    command += ["--device", settings.WORKER_DEVICE, "--seconds", str(settings.REFERENCE_S)]
    with said.open("wb") as out, complained.open("wb") as errors:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=errors,
            cwd=folder,
            env=scrubbed_environment(folder),
            start_new_session=True,
        )
        try:
            has_ended = _wait(child, worker, must_stop)
        finally:
            kill_group(child.pid)
            child.wait()
            if child.stdin:
                child.stdin.close()
    if not has_ended or child.returncode:
        if has_ended:
            reason = complained.read_text("utf-8", "replace").strip().splitlines()[-1:] or [str(child.returncode)]
            log.warning("reference workload failed", worker=worker, reason=reason[0][:500])
        return None
    figures: dict[str, Any] = json.loads(said.read_text("utf-8"))
    return figures


def _wait(child: subprocess.Popen[bytes], worker: str, must_stop: Callable[[], bool]) -> bool:
    """Whether the child ended by itself, in time."""
    began = seen = time.monotonic()
    while child.poll() is None:
        now = time.monotonic()
        if must_stop() or now - began > settings.REFERENCE_S + OVERHEAD_S:
            return False
        if now - seen > SEEN_EVERY_S:
            seen = now
            _seen(worker)
        try:
            child.wait(LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            continue
    return True


def _seen(worker: str) -> None:
    try:
        services.worker_seen(worker)
    except Error:
        connection.close()


reference = ReferenceCheck()
"""That of this process, which is one worker."""
