"""Follows a child for its worker: progress to the database, the lease renewed, cancel and shutdown noticed.

If the database is unreachable for a moment, nothing is lost: a later tick stores what could not be stored. The run is
abandoned only if its lease has expired meanwhile, because another worker may have it.
"""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Any

import structlog
from django.conf import settings
from django.db import DataError, Error, IntegrityError, NotSupportedError, ProgrammingError, connection

from leaderboard import services
from leaderboard.services import Claim
from leaderboard.worker.progress import ProgressView
from measurement.events import Event

PROGRESS_EVERY_S = 0.5
CHECK_EVERY_S = 1.0
RETRY_EVERY_S = 1.0
LOST, CANCELLED, STOPPING = "lost", "cancelled", "stopping"

log = structlog.get_logger()


def may_pass(error: Exception) -> bool:
    """Whether a database error is of the connection or the server, so that the same statement may succeed later."""
    of_the_statement = (DataError, IntegrityError, ProgrammingError, NotSupportedError)
    return isinstance(error, Error) and not isinstance(error, of_the_statement)


class Watch:
    """Takes a child's events, and says why the child must stop: nothing, or LOST, CANCELLED or STOPPING."""

    def __init__(self, claim: Claim, worker: str, termination: Termination) -> None:
        self.claim = claim
        self.worker = worker
        self.termination = termination
        self.view = ProgressView()
        self.stopped_because = ""
        self._urgent = False
        self._held_from = time.monotonic()
        self._stored_at = self._checked_at = self._renewed_at = self._not_before = 0.0

    def __call__(self, event: Event | None) -> str:
        if event is not None and self.view.take(event):
            self._urgent = True
        self.stopped_because = self.stopped_because or self._reason_to_stop(time.monotonic())
        return self.stopped_because

    def _reason_to_stop(self, now: float) -> str:
        if now >= self._not_before:
            try:
                if reason := self._ask_the_database(now):
                    return reason
            except Error as error:
                if not may_pass(error):
                    raise
                log.warning("database unreachable, will retry", run=self.claim.run_id, error=str(error))
                connection.close()
                self._not_before = time.monotonic() + RETRY_EVERY_S
        if time.monotonic() - self._held_from > settings.LEASE_SECONDS:
            return LOST
        return STOPPING if self.termination.requested else ""

    def _ask_the_database(self, now: float) -> str:
        if now - self._renewed_at > settings.LEASE_SECONDS / 5:
            if not services.renew_lease(self.claim):
                return LOST
            self._held_from = self._renewed_at = now
            services.worker_seen(self.worker)
        if self._urgent or (self.view.pending and now - self._stored_at > PROGRESS_EVERY_S):
            if not services.report_progress(self.claim, self.view.as_json()):
                return LOST
            self._stored_at = now
            self._urgent = self.view.pending = False
        if now - self._checked_at > CHECK_EVERY_S:
            if services.cancel_is_requested(self.claim):
                return CANCELLED
            self._checked_at = now
        return ""


class Termination:
    """Turns SIGTERM and Ctrl-C into a flag while a child runs, and raises them again for the earlier handlers."""

    def __init__(self) -> None:
        self.requested = 0

    def __enter__(self) -> Termination:
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = number

    def wait(self, seconds: float) -> None:
        """Sleep, but end early on a signal."""
        until = time.monotonic() + seconds
        while not self.requested and time.monotonic() < until:
            time.sleep(min(0.1, seconds))

    def __exit__(self, *exception: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.requested:
            signal.raise_signal(self.requested)
