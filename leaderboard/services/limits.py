"""What one person may ask for, counted so that requests in the same moment don't pass together.

Whoever counts has first locked the person's row: the next one waits until the former's runs are stored. On SQLite,
transactions take turns anyway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from leaderboard.database import clock
from leaderboard.domain.runstate import ACTIVE
from leaderboard.models import Action, Ban, LogLine, Run, SubmissionRequest
from leaderboard.services.refusal import LimitReached, Refused

MOST_ACTS_AN_HOUR = 30


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


def check_not_banned(user: User) -> None:
    """A request that was let in before its account was banned queues nothing after it. In the person's turn."""
    ban = Ban.objects.filter(user=user).first()
    if ban is not None:
        raise Refused("", f"your account may read and no longer write: {ban.reason}")


def check_acts(user: User, action: Action, *, most: int | None = None) -> None:
    """Nobody fills the log with one act and its opposite. Raises LimitReached. In the person's turn."""
    if user.is_staff:
        return
    lines = LogLine.objects.filter(actor=user.get_username(), actor_number=user.pk, action=action)
    done = lines.filter(at__gte=clock.now() - timedelta(hours=1)).count()
    if done >= (MOST_ACTS_AN_HOUR if most is None else most):
        raise LimitReached(
            "", f"you have done this {done} times within the last hour, which is the limit; try again in an hour"
        )


@dataclass(frozen=True, slots=True)
class Quota:
    """Submissions that one person may make in a day, of which some are made."""

    limit: int
    used: int
    resets_in_s: float
    """Until midnight, UTC."""

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


def quota_of(user: User) -> Quota | None:
    """What a person may still submit today; None for administrators, who have no limit.

    Each run that the person's submissions queue counts, also one that is withdrawn. What was refused, or led to a
    submission that was there already, queues none.
    """
    if user.is_staff:
        return None
    now = clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    used = Run.objects.filter(requested_by=user, queued_at__gte=midnight).count()
    return Quota(settings.MAX_SUBMISSIONS_A_DAY, used, (midnight + timedelta(days=1) - now).total_seconds())


def check_quota(user: User) -> None:
    """Raises LimitReached if the person has submitted as much as one may in a day. In the person's turn."""
    quota = quota_of(user)
    if quota is not None and not quota.left:
        raise LimitReached(
            "submission",
            f"you have made {quota.used} submissions today, and {quota.limit} a day is the limit; the next is taken "
            f"after midnight UTC, in {_hours(quota.resets_in_s)}",
            retry_after_s=quota.resets_in_s,
        )


def _hours(seconds: float) -> str:
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


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
