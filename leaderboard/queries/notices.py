"""The notice of maintenance that every page shows."""

from __future__ import annotations

import time
from contextlib import suppress

from django.db import Error
from django.db.models import Q
from django.db.models.functions import Now

from leaderboard.models import Notice

KEPT_S = 10.0


class _Kept:
    """What this process read last: pages ask each time, the database only every KEPT_S seconds."""

    text = ""
    read_at = float("-inf")


def current_notice() -> str:
    """The newest notice whose time it is, at most KEPT_S old; empty without one. The last known if that fails."""
    now = time.monotonic()
    if now - _Kept.read_at >= KEPT_S:
        _Kept.read_at = now
        with suppress(Error):  # a page that needs no database is shown without it
            _Kept.text = _read()
    return _Kept.text


def _read() -> str:
    begun = Q(shown_from__isnull=True) | Q(shown_from__lte=Now())
    lasts = Q(shown_until__isnull=True) | Q(shown_until__gt=Now())
    return Notice.objects.filter(begun, lasts).order_by("-pk").values_list("text", flat=True).first() or ""


def forget_notice() -> None:
    """Read it again at the next page of this process."""
    _Kept.read_at = float("-inf")
