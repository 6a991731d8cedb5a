"""What attempts have spent, added up by month, hardware and person as each ends."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from leaderboard.domain.energy import Provenance
from leaderboard.models import Attempt, Run, Spent

COUNTERS = frozenset({str(Provenance.METERED), str(Provenance.EXTRAPOLATED)})
ROWS_AT_ONCE = 5_000


def add_spent(attempt: Attempt) -> None:
    """Count an attempt that has just ended, in the transaction that stores its end."""
    run = Run.objects.only("hardware", "requested_by").get(pk=attempt.run_id)
    month, hardware, user = _month(attempt.started_at), run.hardware_id, run.requested_by_id
    figures = _figures(attempt)
    there = Spent.objects.filter(month=month, hardware=hardware, user=user).order_by("pk")
    row = there.values_list("pk", flat=True).first()
    if row is None:
        # Another attempt may make one in the same moment: both count, since readers add rows up.
        row = Spent.objects.create(month=month, hardware_id=hardware, user_id=user).pk
    known = {name: Coalesce(F(name), Value(0.0)) + value for name, value in figures.items() if value is not None}
    Spent.objects.filter(pk=row).update(
        attempts=F("attempts") + 1,
        unknown=F("unknown") + int(attempt.spent_energy_j is None),
        **known,
    )


@transaction.atomic
def count_spent() -> None:
    """Add up all attempts again, such as after an import of results."""
    rows: dict[tuple[datetime, int, int | None], Spent] = {}
    ended = Attempt.objects.filter(ended_at__isnull=False).select_related("run")
    fields = ("started_at", "outcome", "spent_energy_j", "spent_time_s", "spent_provenance")
    for attempt in ended.only(*fields, "run__hardware", "run__requested_by").iterator(chunk_size=ROWS_AT_ONCE):
        key = (_month(attempt.started_at), attempt.run.hardware_id, attempt.run.requested_by_id)
        row = rows.setdefault(key, Spent(month=key[0], hardware_id=key[1], user_id=key[2]))
        row.attempts += 1
        row.unknown += attempt.spent_energy_j is None
        for name, value in _figures(attempt).items():
            if value is not None:
                setattr(row, name, (getattr(row, name) or 0.0) + value)
    Spent.objects.all().delete()
    Spent.objects.bulk_create(rows.values(), batch_size=500)


def _month(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _figures(attempt: Attempt) -> dict[str, float | None]:
    """Joules by where they are from, and seconds; None of what is not known."""
    joules = attempt.spent_energy_j
    is_counted = attempt.spent_provenance in COUNTERS
    return {
        "metered_j": joules if is_counted else None,
        "estimated_j": None if is_counted else joules,
        "lost_j": None if attempt.outcome == "succeeded" else joules,
        "time_s": attempt.spent_time_s,
    }
