"""Requests that may be sent again, and an index by which a person's runs of a day are counted.

It also frees the accounts from knox's own table of tokens, which 0028 has emptied.
"""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _constrain(apps: Any, schema_editor: Any, wanted: bool) -> None:
    """knox's table stays, for knox's own migrations, and empty. Django no longer sees it: no constraint may lead on."""
    Earlier, User = apps.get_model("knox", "AuthToken"), apps.get_model(*settings.AUTH_USER_MODEL.split("."))
    fields = []
    for constrained in (not wanted, wanted):
        field = models.ForeignKey(User, models.CASCADE, db_constraint=constrained)
        field.set_attributes_from_name("user")
        field.model = Earlier
        fields.append(field)
    schema_editor.alter_field(Earlier, *fields)


def drop_constraint(apps: Any, schema_editor: Any) -> None:
    _constrain(apps, schema_editor, False)


def add_constraint(apps: Any, schema_editor: Any) -> None:
    _constrain(apps, schema_editor, True)


class Migration(migrations.Migration):
    dependencies = [
        ("leaderboard", "0028_api_tokens"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(drop_constraint, add_constraint),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["requested_by", "queued_at"], name="runs_asked_for"),
        ),
        migrations.CreateModel(
            name="RepeatedRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.CharField(help_text="SHA-256 of address and body.", max_length=64)),
                ("claim", models.UUIDField()),
                ("begun_at", models.DateTimeField(db_index=True)),
                ("status", models.PositiveSmallIntegerField(help_text="Null while the request is at work.", null=True)),
                ("headers", models.JSONField(default=dict)),
                ("body", models.TextField(blank=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "key"), name="one_request_per_key")],
            },
        ),
    ]
