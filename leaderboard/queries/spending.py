"""What verification has cost: the joules of every attempt, whatever of it is charged to a model."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet, Sum

from leaderboard.models import Spent

SPENT_BY = {"month": "month", "hardware": "hardware__slug", "user": "user__username"}
"""What the costs can be added up by, and the field that has it."""


def spending(by: str, **equal: str) -> QuerySet[Any, Any]:
    """A row for each value of `by`, a key of SPENT_BY, the most first; months the newest first.

    Joules of the accelerator scope: `metered_j` from counters and sensors, of sampled phases the share that was run;
    `estimated_j` from a power model. Both are None if there are none. `lost_j` is the part of both that attempts
    without a result had spent at their last report, a lower bound; `unknown` counts attempts that reported nothing.
    equal: values of other keys.
    """
    found = Spent.objects.filter(**{SPENT_BY[name]: value for name, value in equal.items()})
    names = ("attempts", "metered_j", "estimated_j", "lost_j", "time_s", "unknown")
    # Its own name for each sum's column: those that are summed have it, too.
    rows = found.order_by().values(value=F(SPENT_BY[by])).annotate(**{f"sum_{name}": Sum(name) for name in names})
    rows = rows.values("value", **{name: F(f"sum_{name}") for name in names})  # type: ignore[misc]  # it is a name
    return rows.order_by("-value") if by == "month" else rows.order_by("-attempts", "value")
