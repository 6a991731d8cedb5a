import json
from typing import Any

from django.db import migrations, models

from leaderboard.domain.counting import counted
from leaderboard.services.figures import figures_of_entries
from measurement.documents import DocumentError
from measurement.record import parse_record


def name_devices(apps: Any, schema_editor: Any) -> None:
    """Entries of GPUs get the device of their runs. A CPU has no identity, so that nothing changes there."""
    Entry, Run = (apps.get_model("leaderboard", name) for name in ("Entry", "Run"))
    measured = Entry.objects.filter(source="verified", board__hardware__kind="cuda")
    works = measured.order_by("work", "board__hardware").values_list("work", "board__hardware").distinct()
    for work, hardware in list(works):
        runs = Run.objects.filter(recipe__work=work, hardware=hardware, state="succeeded")
        results = [
            (run, record)
            for run in counted(runs.select_related("recipe", "submission"))
            if (record := record_of(run)) is not None
        ]
        for (track, scenario, scope), figures in figures_of_entries(results).items():
            of = measured.filter(work=work, board__hardware=hardware)
            of.filter(board__track=track, board__scenario=scenario, board__scope=scope).update(
                device=figures["device"], gain_u95=figures["gain_u95"]
            )


def record_of(run: Any) -> Any:
    attempt = run.attempts.filter(number=run.attempt, record__isnull=False).first()
    try:
        return attempt and parse_record(json.dumps(attempt.record))
    except DocumentError:
        return None


class Migration(migrations.Migration):

    dependencies = [
        ("leaderboard", "0017_entry_busy_machine"),
    ]

    operations = [
        migrations.AddField(
            model_name='entry',
            name='device',
            field=models.CharField(blank=True, default='', help_text='Hash of the UUID of what it was measured on; empty if unknown.', max_length=16),
        ),
        migrations.AddField(
            model_name='entry',
            name='gain_u95',
            field=models.FloatField(default=0.05658, help_text="The device's relative gain error at 95 %."),
        ),
        migrations.RunPython(name_devices, migrations.RunPython.noop),
    ]
