"""Tokens get a name, a scope and their last use. Earlier ones keep working: their texts and ends stay as they are."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

EARLIER = "Made before tokens had names"


def move_tokens(apps: Any, schema_editor: Any) -> None:
    """Whoever was an administrator could administer with any token; everybody else's could only submit."""
    Earlier, ApiToken = apps.get_model("knox", "AuthToken"), apps.get_model("leaderboard", "ApiToken")
    for token in Earlier.objects.select_related("user").order_by("created"):
        moved = ApiToken.objects.create(
            digest=token.digest,
            token_key=token.token_key,
            user=token.user,
            expiry=token.expiry,
            name=EARLIER,
            scope="administer" if token.user.is_staff else "submit",
        )
        ApiToken.objects.filter(pk=moved.pk).update(created=token.created)
    Earlier.objects.all().delete()


def move_back(apps: Any, schema_editor: Any) -> None:
    Earlier, ApiToken = apps.get_model("knox", "AuthToken"), apps.get_model("leaderboard", "ApiToken")
    for token in ApiToken.objects.filter(revoked_at=None).order_by("created"):
        moved = Earlier.objects.create(
            digest=token.digest, token_key=token.token_key, user_id=token.user_id, expiry=token.expiry
        )
        Earlier.objects.filter(pk=moved.pk).update(created=token.created)
    ApiToken.objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("leaderboard", "0026_outbox"),
        ("knox", "0009_extend_authtoken_field"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="logline",
            name="action",
            field=models.CharField(
                choices=[
                    ("submit", "Submit"),
                    ("rerun", "Re-run"),
                    ("cancel", "Cancel"),
                    ("hold", "Hold"),
                    ("release", "Release"),
                    ("take_down", "Take down"),
                    ("withdraw", "Withdraw"),
                    ("accept_claim", "Accept claim"),
                    ("refuse_claim", "Refuse claim"),
                    ("add", "Add"),
                    ("change", "Change"),
                    ("delete", "Delete"),
                    ("set_password", "Set password"),
                    ("create_token", "Create token"),
                    ("delete_token", "Delete token"),
                    ("rename_token", "Rename token"),
                    ("revoke_token", "Revoke token"),
                    ("import", "Import"),
                    ("ban", "Ban"),
                    ("lift_ban", "Lift ban"),
                    ("pause", "Pause"),
                    ("resume", "Resume"),
                    ("move", "Move to the front"),
                    ("send_again", "Send again"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("digest", models.CharField(max_length=128, primary_key=True, serialize=False)),
                ("token_key", models.CharField(db_index=True, max_length=25)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("expiry", models.DateTimeField(blank=True, null=True)),
                (
                    "name",
                    models.CharField(
                        help_text="What it is for, such as the program that has it.", max_length=100
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        choices=[("submit", "Submit"), ("administer", "Administer")], default="submit", max_length=20
                    ),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(blank=True, help_text="To within a minute.", null=True),
                ),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="auth_token_set",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["-created"], "verbose_name": "API token"},
        ),
        migrations.RunPython(move_tokens, move_back),
    ]
