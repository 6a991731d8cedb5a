"""Notifies workers of queued runs over Celery, and has notices sent.

The database is the truth: a sweep repeats a lost notification.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from amqp import AMQPError
from django.conf import settings
from kombu import Connection
from kombu.exceptions import KombuError
from kombu.pools import producers
from redis import Redis
from redis.exceptions import RedisError

from leaderboard.celery import app
from leaderboard.models import Run
from leaderboard.routing import queue_of

VERIFY = "leaderboard.tasks.verify"
DELIVER = "leaderboard.tasks.deliver"
NOTICES = "notices"
"""The queue of what sends mail and calls webhooks, in a process of its own: a server that hangs delays no lease."""
# A person waits for this: a broker that hangs must not keep them. Workers listen with longer times.
ANSWERS_WITHIN_S = 0.2
WORKER_WAITS_S = 2.0  # in the place of ANSWERS_WITHIN_S: a worker may be far away, and keeps nobody waiting
SILENT_FOR_S = 5.0
# Sweeps repeat each notification, whether or not a worker listens: of a longer line, only the newest are kept. None
# has a time of expiry, which would be by the clock of this machine and be read by that of the worker's.
MOST_KEPT = 100
MOST_CALLS_KEPT = 8  # each has everything sent that is due
# RabbitMQ cuts no queue from outside, but ends a message by its own clock.
KEPT_BY_RABBITMQ_S = 60
FAULTS = (KombuError, RedisError, AMQPError, OSError)

log = structlog.get_logger()


_failed_at: dict[str, float] = {}


def notify(run: Run) -> bool:
    """Send the number of a queued run to the workers that can do it. False if there is no broker, or none answers.

    Takes two times ANSWERS_WITHIN_S at most. After a failure nothing is sent for SILENT_FOR_S, so that many runs take
    no longer than one: the next sweep sends them.
    """
    return _send(VERIFY, [run.pk], queue_of(run), MOST_KEPT)


def notify_of_notices() -> bool:
    """Have what waits in the outbox sent. False if there is no broker, or none answers: the next sweep sends it."""
    return _send(DELIVER, [], NOTICES, MOST_CALLS_KEPT)


def _send(task: str, args: list[int], queue: str, most_kept: int) -> bool:
    if not settings.REDIS_URL or time.monotonic() - _failed_at.get(settings.REDIS_URL, -SILENT_FOR_S) < SILENT_FOR_S:
        return False
    try:
        with producers[_connection()].acquire(block=True, timeout=ANSWERS_WITHIN_S) as producer:
            redis = _redis_of(producer.channel)
            ends: dict[str, Any] = {} if redis else {"expiration": KEPT_BY_RABBITMQ_S}
            app.send_task(task, args=args, queue=queue, retry=False, ignore_result=True, producer=producer, **ends)
            if redis:
                redis.ltrim(queue, 0, most_kept - 1)
    except FAULTS as error:
        _failed_at[settings.REDIS_URL] = time.monotonic()
        log.warning("dispatch failed", task=task, args=args, reason=str(error))
        return False
    return True


def answers() -> bool:
    """Whether the broker answers now."""
    try:
        with _connection() as connection:
            redis = _redis_of(connection.default_channel)
            if redis:
                redis.ping()
    except FAULTS:
        return False
    return True


def _connection() -> Connection:
    within = {"socket_timeout": ANSWERS_WITHIN_S, "socket_connect_timeout": ANSWERS_WITHIN_S}
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS | within
    if "sentinel_kwargs" in options:
        options["sentinel_kwargs"] = options["sentinel_kwargs"] | within
    return Connection(settings.REDIS_URL, connect_timeout=ANSWERS_WITHIN_S, transport_options=options)


def _redis_of(channel: Any) -> Redis | None:
    """The client of a channel to Redis, directly or as a Sentinel names it; None of a channel to RabbitMQ."""
    client: Redis | None = getattr(channel, "client", None)  # of kombu's channels, only Redis' has it
    return client
