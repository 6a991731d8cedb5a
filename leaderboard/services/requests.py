"""Requests that may be sent again under one key: each is done once, and answered as often as it is asked.

A request first stores that it is at work, in a transaction of its own, which is what another with its key then meets.
What it does and its answer are stored in one further transaction: neither is there alone, whenever a process dies.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from leaderboard.database import clock
from leaderboard.models import RepeatedRequest
from leaderboard.services.refusal import Refused

FIELD = "Idempotency-Key"
DEAD_AFTER = timedelta(seconds=90)
"""By then a request has ended or its process has: gunicorn ends one that is at work for longer (its `timeout`)."""
_LATER = "belongs to a request that has not been answered yet; send it again in a second"


class Differs(Refused):
    """The key was sent before, with another request."""


class AtWork(Refused):
    """The first request with the key has not been answered yet."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


def begin_request(user: User, key: str, fingerprint: str) -> uuid.UUID | Answer:
    """Claim a key, or find what its request was answered with.

    fingerprint: of the whole request. Raises Differs, and AtWork.
    """
    found = _claimed(user, key, fingerprint)
    if isinstance(found, uuid.UUID):
        return found
    if found.fingerprint != fingerprint:
        raise Differs(
            FIELD,
            "was sent before with another address or body; send that again, or take a new key for a new request",
        )
    if found.status is None:
        raise AtWork(FIELD, _LATER)
    return Answer(found.status, found.body, found.headers)


def answer_of(user: User, key: str, fingerprint: str) -> Answer | None:
    """What a request was answered with, without claiming its key. None if it has no answer, or was another."""
    since = clock.now() - _kept()
    found = RepeatedRequest.objects.filter(user=user, key=key, fingerprint=fingerprint, begun_at__gt=since).first()
    return Answer(found.status, found.body, found.headers) if found and found.status is not None else None


@transaction.atomic
def _claimed(user: User, key: str, fingerprint: str) -> uuid.UUID | RepeatedRequest:
    """The claim; or the row of an earlier request with this key."""
    now, claim = clock.now(), uuid.uuid4()
    RepeatedRequest.objects.filter(begun_at__lte=now - _kept()).delete()
    try:
        with transaction.atomic():
            RepeatedRequest.objects.create(user=user, key=key, fingerprint=fingerprint, claim=claim, begun_at=now)
    except IntegrityError:
        rows = RepeatedRequest.objects.filter(user=user, key=key)
        dead = rows.filter(status=None, fingerprint=fingerprint, begun_at__lte=now - DEAD_AFTER)
        if not dead.update(claim=claim, begun_at=now):
            found = rows.first()
            if found is None:  # its request was refused just now
                raise AtWork(FIELD, _LATER) from None
            return found
    return claim


def store_answer(user: User, key: str, claim: uuid.UUID, answer: Answer) -> None:
    """Store it, in the transaction of what the request did. Raises AtWork if another has taken the key over."""
    mine = RepeatedRequest.objects.filter(user=user, key=key, claim=claim, status=None)
    if not mine.update(status=answer.status, body=answer.body, headers=answer.headers):
        raise AtWork(FIELD, "belongs to a request that was sent again meanwhile; send it again in a second")


def forget_request(user: User, key: str, claim: uuid.UUID) -> None:
    """Free the key of a request that was refused: nothing was done, so that it may be sent again, also corrected."""
    RepeatedRequest.objects.filter(user=user, key=key, claim=claim, status=None).delete()


def _kept() -> timedelta:
    return timedelta(hours=settings.IDEMPOTENCY_HOURS)
