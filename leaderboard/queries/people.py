"""Accounts: whether one is banned, and what each has submitted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, QuerySet

from leaderboard.database import clock
from leaderboard.models import ApiToken, Approval, Ban, Run, Submission


def ban_of(user: User | AnonymousUser) -> Ban | None:
    """The ban of an account; None if it may write."""
    return Ban.objects.filter(user=user.pk).first() if user.is_authenticated else None


def waits_for_approval(user: User) -> bool:
    """Whether an administrator has yet to approve an account."""
    return Approval.objects.filter(user=user.pk).exists()


def add_activity(users: Iterable[User]) -> None:
    """Set `submissions_made` and `runs_made` of each of some accounts, by one query each.

    Subqueries in the list's own query would be planned once and run for each row, with bad statistics over all runs.
    """
    shown = list(users)
    made: tuple[tuple[str, QuerySet[Any], str], ...] = (
        ("submissions_made", Submission.objects.all(), "submitter"),
        ("runs_made", Run.objects.all(), "submission__submitter"),
    )
    for name, all_of_them, owner in made:
        of_these = all_of_them.filter(**{f"{owner}__in": [user.pk for user in shown]}).order_by()
        numbers = dict(of_these.values_list(owner).annotate(Count("pk")))
        for user in shown:
            setattr(user, name, numbers.get(user.pk, 0))


def tokens_of(user: User) -> tuple[list[ApiToken], list[ApiToken]]:
    """An account's tokens that open the API, and those that no longer do; the newest first."""
    now = clock.now()
    live: list[ApiToken] = []
    ended: list[ApiToken] = []
    for token in ApiToken.objects.filter(user=user).order_by("-created"):
        (ended if token.ended_at is not None and token.ended_at <= now else live).append(token)
    return live, ended
