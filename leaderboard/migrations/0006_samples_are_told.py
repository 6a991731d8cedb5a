from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Case, F, When


def take_over(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """From the records of sampled runs; what a full one has are the defaults."""
    Attempt, Board, Entry = (apps.get_model("leaderboard", name) for name in ("Attempt", "Board", "Entry"))
    sampled = Entry.objects.filter(run__mode="sampled")
    for entry in sampled.select_related("run"):
        is_current = Case(When(number=entry.run.attempt, then=0), default=1)
        attempts = Attempt.objects.filter(run=entry.run_id, record__isnull=False).order_by(is_current, "-number")
        told = attempts.values_list("record__data", "record__quality__finished_weights_sha256").first()
        data, weights = told or (None, None)
        entry.mode, entry.data, entry.submitters_weights = "sampled", data or "track", weights is not None
        entry.save(update_fields=["mode", "data", "submitters_weights"])
    # Readers have copies of these boards that don't tell it.
    Board.objects.filter(pk__in=sampled.values("board")).update(revision=F("revision") + 1)


class Migration(migrations.Migration):
    dependencies = [
        ("leaderboard", "0005_what_holds_a_run"),
    ]

    operations = [
        migrations.AddField(
            model_name="entry",
            name="mode",
            field=models.CharField(
                choices=[("full", "Full"), ("sampled", "Sampled")],
                default="full",
                help_text="Of the run.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="entry",
            name="data",
            field=models.CharField(
                choices=[("track", "The track's images"), ("synthetic", "Noise in their shape")],
                default="track",
                help_text="What the run worked on.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="entry",
            name="submitters_weights",
            field=models.BooleanField(
                default=False, help_text="Whether the quality is of weights that the submitter brought."
            ),
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop, elidable=True),
    ]
