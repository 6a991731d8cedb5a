"""What one person may ask for, counted so that requests in the same moment don't pass together.

Whoever counts has first locked the person's row: the next one waits until the former's runs are stored. On SQLite,
transactions take turns anyway.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from leaderboard.database import clock
from leaderboard.domain.runstate import ACTIVE
from leaderboard.models import Run, SubmissionRequest
from leaderboard.services.refusal import LimitReached


def take_turn(user: User) -> None:
    """Wait for this person's other transactions. First of all locks, so that nobody deadlocks."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def check_active_runs(user: User) -> None:
    """One person's runs must not delay everybody else's for days. Raises LimitReached. In the person's turn."""
    if user.is_staff:
        return
    active = Run.objects.filter(requested_by=user, state__in=ACTIVE).count()
    if active >= settings.MAX_ACTIVE_RUNS:
        raise LimitReached(
            "submission",
            f"you have {active} runs queued or running, which is the limit; wait for one to end, or withdraw one",
        )


@transaction.atomic
def count_request(user: User, *, most: int, within_s: float) -> float | None:
    """Count a request of this person, unless there were `most` in the last `within_s` seconds.

    Returns None if it counts, else the seconds until the next one will.
    """
    take_turn(user)
    now, window = clock.now(), timedelta(seconds=within_s)
    requests = SubmissionRequest.objects.filter(user=user)
    requests.filter(at__lte=now - window).delete()
    counted = list(requests.order_by("-at").values_list("at", flat=True)[:most])
    if len(counted) < most:
        requests.create(user=user, at=now)
        return None
    return (counted[-1] + window - now).total_seconds() if counted else within_s
