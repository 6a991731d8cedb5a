"""Waiting for a submission to end: a few requests of a process at once, without a connection to the database."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.http import QueryDict

from leaderboard import queries
from leaderboard.api.errors import Faults

MOST_S = 60
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 2.0
RETRY_AFTER_S = 5

leaving = Event()
"""Set when this process ends: who waits is answered at once."""
_lock = Lock()


class _Waiters:
    """How many requests of this process wait, and of which clients they are."""

    number = 0
    clients: Counter[str] = Counter()


def read_wait(given: QueryDict) -> int:
    """The seconds that a client would wait; 0 without the parameter. Raises Faults."""
    value = given.get("wait", "0")
    if not (value.isascii() and value.isdecimal() and str(int(value[:9])) == value and int(value) <= MOST_S):
        raise Faults([("wait", f"is {value[:40]!r}, but must be a whole number of seconds from 0 to {MOST_S}")])
    return int(value)


def wait_for_end(submission: UUID, wait_s: int, client: str) -> bool:
    """Wait until no run of a submission is queued or running, or the time is over; MAX_WAIT_S at most.

    client: whose request it is. False, at once, if there is something to wait for and MAX_WAITERS of this process
    wait already, or half of them for this client: no one keeps all others from waiting.
    """
    if not queries.is_active(submission):
        return True
    with _place(client) as has_place:
        if has_place:
            _wait(submission, time.monotonic() + min(wait_s, settings.MAX_WAIT_S))
        return has_place


def _wait(submission: UUID, ends_at: float) -> None:
    pause_s = FIRST_PAUSE_S
    while not leaving.is_set() and (left_s := ends_at - time.monotonic()) > 0:
        if not connection.in_atomic_block:  # which only tests are in
            connection.close()
        leaving.wait(min(pause_s, left_s))
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        if not queries.is_active(submission):
            return


@contextmanager
def _place(client: str) -> Iterator[bool]:
    with _lock:
        most_of_one = (settings.MAX_WAITERS + 1) // 2
        has_place = _Waiters.number < settings.MAX_WAITERS and _Waiters.clients[client] < most_of_one
        _change(client, has_place)
    try:
        yield has_place
    finally:
        with _lock:
            _change(client, -has_place)


def _change(client: str, by: int) -> None:
    _Waiters.number += by
    _Waiters.clients[client] += by
    if not _Waiters.clients[client]:
        del _Waiters.clients[client]
