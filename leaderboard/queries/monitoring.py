"""What a monitor of the site reads, in a few rows whatever the number of runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from leaderboard.database import clock
from leaderboard.domain.runstate import ACTIVE, RunState
from leaderboard.models import Attempt, Run

LATELY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """The runs of one hardware that are not done."""

    hardware: str
    queued: int
    running: int
    oldest_s: float
    """How long the oldest queued run has waited, seconds; 0 if none waits."""
    lease_left_s: float | None
    """Until the first lease of a running run ends, seconds, negative once it has; None if none runs."""
    power_w: float | None
    """What its running runs drew at their last reports, added up; None if none reported any."""


def queue_by_hardware() -> list[Line]:
    """The lines of all hardware that has queued or running runs. Two queries."""
    now = clock.now()
    is_queued = Q(state=RunState.QUEUED)
    active = Run.objects.filter(state__in=ACTIVE).order_by()
    counted = active.values("hardware__slug").annotate(
        queued=Count("pk", filter=is_queued),
        running=Count("pk", filter=~is_queued),
        oldest=Min("queued_at", filter=is_queued),
        lease=Min("lease_expires_at", filter=~is_queued),
    )
    powers: dict[str, list[float]] = {}
    running = active.exclude(is_queued).filter(lease_expires_at__gte=now)
    for slug, progress in running.values_list("hardware__slug", "progress"):
        if isinstance(power_w := progress.get("power_w"), int | float):
            powers.setdefault(slug, []).append(power_w)
    return [
        Line(
            hardware=row["hardware__slug"],
            queued=row["queued"],
            running=row["running"],
            oldest_s=0.0 if row["oldest"] is None else max(0.0, (now - row["oldest"]).total_seconds()),
            lease_left_s=None if row["lease"] is None else (row["lease"] - now).total_seconds(),
            power_w=sum(powers[row["hardware__slug"]]) if row["hardware__slug"] in powers else None,
        )
        for row in counted
    ]


def waits_lately() -> dict[str, list[float]]:
    """Of each hardware, the seconds that runs which ended within the last day had waited to begin, in order."""
    ended = Run.objects.filter(finished_at__gte=clock.now() - LATELY).order_by()
    pairs = sorted(
        (slug, max(0.0, (began - queued).total_seconds()))
        for slug, queued, began in ended.values_list("hardware__slug", "queued_at", "started_at")
        if began
    )
    return {slug: [wait for _, wait in of_one] for slug, of_one in groupby(pairs, key=itemgetter(0))}


def attempts_lately() -> QuerySet[Any, Any]:
    """How attempts ended whose run ended within the last day or goes on: `outcome`, `fault`, `number`."""
    ended = Q(run__finished_at__gte=clock.now() - LATELY) | Q(run__state__in=ACTIVE)
    of_these = Attempt.objects.filter(ended, ended_at__isnull=False).order_by()
    return of_these.values("outcome", "fault").annotate(number=Count("pk")).order_by("outcome", "fault")
