"""Notifies workers of queued runs over Celery. The database is the truth: a sweep repeats a lost notification."""

from __future__ import annotations

import structlog
from django.conf import settings
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from leaderboard.celery import app
from leaderboard.models import Run
from leaderboard.routing import queue_of

VERIFY = "leaderboard.tasks.verify"
# Sweeps notify again after a minute, so an older message is worth nothing.
NOTIFICATION_EXPIRES_S = 90

log = structlog.get_logger()


def notify(run: Run) -> bool:
    """Send the number of a queued run to the workers that can do it. False if there is no broker, or none answers."""
    if not settings.REDIS_URL:
        return False
    try:
        app.send_task(
            VERIFY,
            args=[run.pk],
            queue=queue_of(run),
            expires=NOTIFICATION_EXPIRES_S,
            retry=False,
            ignore_result=True,
        )
    except (KombuError, RedisError, OSError) as error:
        log.warning("dispatch failed", run=run.pk, reason=str(error))
        return False
    return True
