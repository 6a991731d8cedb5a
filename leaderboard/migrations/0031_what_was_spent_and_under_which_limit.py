from datetime import UTC
from typing import Any

from django.db import migrations

COUNTERS = ("metered", "extrapolated")


def add_up(apps: Any, schema_editor: Any) -> None:
    """What all attempts so far have spent, by month, hardware and person."""
    Attempt, Spent = (apps.get_model("leaderboard", name) for name in ("Attempt", "Spent"))
    rows: dict[Any, Any] = {}
    ended = Attempt.objects.filter(ended_at__isnull=False).values_list(
        "started_at",
        "run__hardware",
        "run__requested_by",
        "outcome",
        "spent_energy_j",
        "spent_time_s",
        "spent_provenance",
    )
    for started_at, hardware, user, outcome, energy_j, time_s, provenance in ended.iterator(chunk_size=5000):
        month = started_at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        row = rows.setdefault((month, hardware, user), Spent(month=month, hardware_id=hardware, user_id=user))
        row.attempts += 1
        row.unknown += energy_j is None
        figures = {
            "metered_j" if provenance in COUNTERS else "estimated_j": energy_j,
            "lost_j": None if outcome == "succeeded" else energy_j,
            "time_s": time_s,
        }
        for name, value in figures.items():
            if value is not None:
                setattr(row, name, (getattr(row, name) or 0.0) + value)
    Spent.objects.bulk_create(rows.values(), batch_size=500)


def note_power_limits(apps: Any, schema_editor: Any) -> None:
    """The power limits of the runs that entries are the mean of, out of their records."""
    Attempt, Board, Entry = (apps.get_model("leaderboard", name) for name in ("Attempt", "Board", "Entry"))
    of_boards: dict[int, set[float]] = {}
    entries = Entry.objects.filter(source="verified", board__hardware__kind="cuda")
    for entry in entries.only("board", "run", "repeats", "replaced_by").iterator(chunk_size=500):
        runs = entry.repeats.get("runs") or [entry.run_id]
        attempts = Attempt.objects.filter(run__in=runs, record__isnull=False)
        found = attempts.values_list("record__hardware__power_limit_w", flat=True)
        limits_w = sorted({limit_w for limit_w in found if limit_w is not None})
        if limits_w:
            Entry.objects.filter(pk=entry.pk).update(power_limits_w=limits_w)
            if entry.replaced_by_id is None:
                of_boards.setdefault(entry.board_id, set()).update(limits_w)
    for board, all_w in of_boards.items():
        Board.objects.filter(pk=board).update(power_limits_w=sorted(all_w))


class Migration(migrations.Migration):

    dependencies = [
        ("leaderboard", "0030_audits_and_references"),
    ]

    operations = [
        migrations.RunPython(add_up, migrations.RunPython.noop),
        migrations.RunPython(note_power_limits, migrations.RunPython.noop),
    ]
