"""Sends what is due, one server after the other. A server that hangs keeps its own notices waiting, and no others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

import structlog

from leaderboard.models import Delivery, DeliveryState, Webhook
from leaderboard.sending.mail import Mail
from leaderboard.sending.webhook import call
from leaderboard.services import outbox
from leaderboard.services.outbox import Answer

AT_MOST_S = 60.0
"""Then others have their turn; the next sweep goes on."""

log = structlog.get_logger()
_lock = Lock()
_in_use: set[int | None] = set()


def deliver_due() -> int:
    """Send what is due, to each server in turn. Returns how many were tried.

    A server that another thread of this process is at is left to that.
    """
    return sum(_serve(channel) for channel in outbox.channels_due())


def _serve(channel: int | None) -> int:
    with _alone(channel) as is_mine:
        if not is_mine:
            return 0
        if channel is None:
            with Mail() as mail:
                return _send_all(channel, mail.send)
        return _send_all(channel, _call)


def _send_all(channel: int | None, send: Callable[[Delivery], Answer]) -> int:
    tried, ends_at = 0, time.monotonic() + AT_MOST_S
    while time.monotonic() < ends_at and (delivery := outbox.take(channel)) is not None:
        answer = _tried(delivery, send)
        outbox.settle(delivery, answer)
        tried += 1
        if answer.unreachable:
            log.warning("notices not sent", to=channel or "mail", reason=answer.words)
            break
    return tried


def _tried(delivery: Delivery, send: Callable[[Delivery], Answer]) -> Answer:
    """A notice that can't be written keeps no other from being sent."""
    try:
        return send(delivery)
    except Exception:
        log.exception("notice could not be written", delivery=str(delivery.pk))
        return Answer("The site failed to write it; its log has the reason.")


def _call(delivery: Delivery) -> Answer:
    webhook = Webhook.objects.filter(deliveries=delivery, user__is_active=True).first()
    if webhook is None:
        return Answer("The webhook or its account is gone.", DeliveryState.DROPPED)
    return call(delivery, webhook)


@contextmanager
def _alone(channel: int | None) -> Iterator[bool]:
    with _lock:
        is_mine = channel not in _in_use
        _in_use.add(channel)
    try:
        yield is_mine
    finally:
        if is_mine:
            with _lock:
                _in_use.discard(channel)
