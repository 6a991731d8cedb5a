"""Signs of life of an idle worker. A busy worker reports from its task (follow.Watch)."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.db import DatabaseError, close_old_connections

from leaderboard import services

EVERY_S = 15.0

log = structlog.get_logger()


class Heartbeat:
    """Called with each of Celery's heartbeats; stores one of them every EVERY_S seconds."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self._stored_at = 0.0

    def __call__(self, **_: Any) -> None:
        now = time.monotonic()
        if now - self._stored_at < EVERY_S:
            return
        self._stored_at = now
        try:
            close_old_connections()
            services.worker_seen(self.worker)
        except DatabaseError as error:
            log.warning("heartbeat not stored", reason=str(error))
