from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce


def count_entries(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Board, Entry = apps.get_model("leaderboard", "Board"), apps.get_model("leaderboard", "Entry")
    entries = Entry.objects.filter(board=OuterRef("pk")).order_by().values("board").values(number=Count("pk"))
    Board.objects.update(size=Coalesce(Subquery(entries), 0))


class Migration(migrations.Migration):

    dependencies = [
        ("leaderboard", "0002_per_image_absolute"),
    ]

    operations = [
        migrations.AddField(
            model_name="board",
            name="size",
            field=models.PositiveIntegerField(
                default=0, help_text="How many entries it has, counted with every change."
            ),
        ),
        migrations.RunPython(count_entries, migrations.RunPython.noop, elidable=True),
    ]
