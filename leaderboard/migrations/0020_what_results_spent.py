from datetime import datetime
from typing import Any

from django.db import migrations

from leaderboard.domain.spending import spent_in


def fill_in(apps: Any, schema_editor: Any) -> None:
    """What attempts with a record spent, which was stored only of those without one."""
    attempts = apps.get_model("leaderboard", "Attempt").objects
    for attempt in attempts.filter(record__isnull=False, spent_energy_j=None).iterator(chunk_size=100):
        begun = [datetime.fromisoformat(lost["started_at"]) for lost in attempt.record.get("lost", ())]
        before = attempts.filter(run=attempt.run_id, number__lt=attempt.number, ended_at__isnull=False).defer("record")
        resumed = [one for one in before if any(one.started_at <= at <= one.ended_at for at in begun)]
        spent = spent_in(attempt.record, counted_before_j=sum(one.spent_energy_j or 0.0 for one in resumed))
        attempts.filter(pk=attempt.pk).update(
            spent_energy_j=spent.energy_j, spent_time_s=spent.time_s, spent_provenance=str(spent.provenance)
        )


class Migration(migrations.Migration):

    dependencies = [
        ("leaderboard", "0019_priorities_and_pauses"),
    ]

    operations = [
        migrations.RunPython(fill_in, migrations.RunPython.noop),
    ]
