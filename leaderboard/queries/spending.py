"""What verification has cost: the joules of every attempt, whatever of it is charged to a model."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from leaderboard.domain.energy import Provenance
from leaderboard.models import Attempt

SPENT_BY = {
    "month": "month",
    "hardware": "run__hardware__slug",
    "user": "run__requested_by__username",
}
"""What the costs can be added up by, and the field that has it."""
COUNTERS = (Provenance.METERED, Provenance.EXTRAPOLATED)


def spending(by: str, **equal: str) -> QuerySet[Any, Any]:
    """A row for each value of `by`, a key of SPENT_BY, the most first; months the newest first.

    Joules of the accelerator scope: `metered_j` from counters and sensors, of sampled phases the share that was run;
    `estimated_j` from a power model. Both are None if there are none. `lost_j` is the part of both that attempts
    without a result had spent at their last report, a lower bound; `unknown` counts attempts that reported nothing.
    equal: values of other keys.
    """
    ended = Attempt.objects.filter(ended_at__isnull=False).annotate(month=TruncMonth("started_at"))
    ended = ended.filter(**{SPENT_BY[name]: value for name, value in equal.items()})
    joules = F("spent_energy_j")
    rows = (
        ended.order_by()
        .values(value=F(SPENT_BY[by]))
        .annotate(
            attempts=Count("pk"),
            metered_j=Sum(joules, filter=Q(spent_provenance__in=COUNTERS)),
            estimated_j=Sum(joules, filter=~Q(spent_provenance__in=COUNTERS)),
            lost_j=Sum(joules, filter=~Q(outcome="succeeded")),
            time_s=Sum("spent_time_s"),
            unknown=Count("pk", filter=Q(spent_energy_j=None)),
        )
    )
    return rows.order_by("-value") if by == "month" else rows.order_by("-attempts", "value")
