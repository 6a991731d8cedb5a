"""The database's clock, which dates everything that is stored: the clocks of machines differ."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone

_ASK = {
    "postgresql": "SELECT STATEMENT_TIMESTAMP()",
    "sqlite": "SELECT STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')",
}


def now() -> datetime:
    """This moment by the database's clock, in UTC. In a query, Django's `Now()` says the same."""
    with connection.cursor() as cursor:
        cursor.execute(_ASK[connection.vendor])
        (answer,) = cursor.fetchone()
    return answer if isinstance(answer, datetime) else datetime.fromisoformat(answer).replace(tzinfo=UTC)


def offset_s() -> float:
    """How far this machine's clock is ahead of the database's, seconds, to within half the time that asking takes."""
    before = timezone.now()
    there = now()
    return ((before - there) + (timezone.now() - there)).total_seconds() / 2
