"""Accounts: whether one is banned, and what each has submitted."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from leaderboard.models import Ban, Run, Submission


def ban_of(user: User | AnonymousUser) -> Ban | None:
    """The ban of an account; None if it may write."""
    return Ban.objects.filter(user=user.pk).first() if user.is_authenticated else None


def with_activity(users: QuerySet[User]) -> QuerySet[User, Any]:
    """Accounts with the numbers of their `submissions_made` and `runs_made`."""

    def number(of: QuerySet[Any], owner: str) -> Coalesce:
        mine = of.filter(**{owner: OuterRef("pk")}).order_by().values(owner)
        return Coalesce(Subquery(mine.annotate(number=Count("pk")).values("number")), 0)

    return users.select_related("ban").annotate(
        submissions_made=number(Submission.objects.all(), "submitter"),
        runs_made=number(Run.objects.all(), "submission__submitter"),
    )
