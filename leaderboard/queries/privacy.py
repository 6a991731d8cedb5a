"""The one condition on what readers are shown: public, or private to who reads now (`leaderboard.domain.readers`)."""

from __future__ import annotations

from django.db.models import Q

from leaderboard.domain.readers import reader_now


def visible(to: str = "private_to") -> Q:
    """Of rows whose field `to` says to whom they are private. Without a reading, the public ones."""
    reader = reader_now()
    if reader.sees_all:
        return Q()
    public = Q(**{f"{to}__isnull": True})
    return public if reader.account is None else public | Q(**{to: reader.account})
