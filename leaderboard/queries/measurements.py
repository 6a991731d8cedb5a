"""Measurements that submitters made."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet

from leaderboard.models import Measurement


def measurements(hashes: Iterable[str]) -> QuerySet[Measurement]:
    """Those of these hashes, each with its submitter."""
    return Measurement.objects.filter(sha256__in=list(hashes)).select_related("submitter")


def measurements_of(submitter: User) -> QuerySet[Measurement]:
    """One's own, newest first, each with `standing`: how many submissions name it. Without the records."""
    standing = Count("recipes__submissions", filter=Q(recipes__submissions__withdrawn_at=None), distinct=True)
    return Measurement.objects.filter(submitter=submitter).defer("record").annotate(standing=standing)
