"""An entry says whether one of its figures was measured while its machine did other work."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

BUSY = {"busy_machine", "overloaded_machine", "reference_drift"}


def find_busy(apps: Any, schema_editor: Any) -> None:
    """Mark the entries that have a result whose charged phases carry such a flag."""
    Entry, PhaseEnergy = (apps.get_model("leaderboard", name) for name in ("Entry", "PhaseEnergy"))
    flagged = PhaseEnergy.objects.exclude(flags=[]).exclude(phase="evaluate")
    counted = flagged.filter(
        attempt__number=models.F("attempt__run__attempt"),
        attempt__run__state="succeeded",
        attempt__run__held_for=[],
    )
    names = ("flags", "phase", "scenario", "attempt__run__recipe__work", "attempt__run__hardware")
    for flags, phase, scenario, work, hardware in counted.values_list(*names).iterator(chunk_size=1000):
        if BUSY.isdisjoint(flags):
            continue
        entries = Entry.objects.filter(work=work, board__hardware=hardware, busy_machine=False)
        if phase == "inference":
            entries = entries.filter(board__scenario=scenario)
        entries.update(busy_machine=True)


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0016_bans")]

    operations = [
        migrations.AddField(
            model_name="entry",
            name="busy_machine",
            field=models.BooleanField(
                default=False, help_text="Whether other work on its machine may have changed one of its figures."
            ),
        ),
        migrations.RunPython(find_busy, migrations.RunPython.noop),
    ]
