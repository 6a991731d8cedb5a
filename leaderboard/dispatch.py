"""Rings for a queued run. The database is the truth: a ring that is lost is made up for by the next sweep."""

from __future__ import annotations

import structlog
from django.conf import settings
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from leaderboard.celery import app
from leaderboard.models import Run
from leaderboard.routing import queue_of

VERIFY = "leaderboard.tasks.verify"
# Sweeps ring again after a minute, so an older ring is worth nothing.
RING_EXPIRES_S = 90

log = structlog.get_logger()


def ring(run: Run) -> bool:
    """Tell the workers that can do the run that it waits. False where there is no broker, or none that answers."""
    if not settings.REDIS_URL:
        return False
    try:
        app.send_task(
            VERIFY, args=[run.pk], queue=queue_of(run), expires=RING_EXPIRES_S, retry=False, ignore_result=True
        )
    except (KombuError, RedisError, OSError) as error:
        log.warning("bell not rung", run=run.pk, reason=str(error))
        return False
    return True
