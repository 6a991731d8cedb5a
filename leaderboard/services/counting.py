"""How often something was asked for lately, counted in the database: exactly, by all processes of all machines."""

from __future__ import annotations

import time

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.crypto import salted_hmac

from leaderboard.models import Count

MOST_FORGOTTEN = 500
"""Old counts that one request removes."""


def count(what: str, whose: str, *, most: int, within_s: int) -> float | None:
    """Count a request, unless `most` were counted within `within_s` seconds from the first of them on.

    whose: an account or an address; its hash alone is stored. Returns None if it counts, else the seconds until the
    next one will. A request that does not count writes nothing.
    """
    now = time.time()
    key = salted_hmac("leaderboard.services.counting", f"{what}/{whose}").hexdigest()[:40]
    mine = Count.objects.filter(key=key)
    if _is_full(mine, now, most):
        return _wait_s(mine, now)
    with transaction.atomic():
        # Each of these locks the row, so that no two take the same place.
        if _add(mine, now, most) or mine.filter(ends_at__lte=now).update(number=1, ends_at=now + within_s):
            return None
        _, is_new = Count.objects.get_or_create(key=key, defaults={"number": 1, "ends_at": now + within_s})
        taken = is_new or _add(mine, now, most)
        if is_new:
            _forget_old(now)
    return None if taken else _wait_s(mine, now)


def _is_full(mine: QuerySet[Count], now: float, most: int) -> bool:
    return mine.filter(ends_at__gt=now, number__gte=most).exists()


def _wait_s(mine: QuerySet[Count], now: float) -> float:
    ends_at = mine.values_list("ends_at", flat=True).first() or now
    return max(1.0, ends_at - now)


def _add(mine: QuerySet[Count], now: float, most: int) -> bool:
    return bool(mine.filter(ends_at__gt=now, number__lt=most).update(number=F("number") + 1))


def _forget_old(now: float) -> None:
    """In steps: whoever begins a span removes some that have ended."""
    old = Count.objects.filter(ends_at__lt=now).order_by("ends_at").values_list("pk", flat=True)
    Count.objects.filter(pk__in=list(old[:MOST_FORGOTTEN]), ends_at__lt=now).delete()
