"""Signs of life of an idle worker. A busy worker reports from its task (follow.Watch, service.Service)."""

from __future__ import annotations

import time
from typing import Any

from django.db import close_old_connections

from leaderboard.worker.fitness import lacks_disk
from leaderboard.worker.reference import reference
from leaderboard.worker.service import paused, report

EVERY_S = 15.0


class Heartbeat:
    """Called with each of Celery's heartbeats; stores one of them every EVERY_S seconds, with what its disk lacks."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self._stored_at = 0.0

    def __call__(self, **_: Any) -> None:
        now = time.monotonic()
        if now - self._stored_at < EVERY_S:
            return
        self._stored_at = now
        close_old_connections()
        self._report()
        if reference.when_idle(self.worker):
            self._report()

    def _report(self) -> None:
        report(self.worker, lacks_disk(by_writing=False) or paused(self.worker))
