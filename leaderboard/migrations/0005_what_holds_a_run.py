from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("leaderboard", "0004_what_attempts_spent"),
    ]

    operations = [
        migrations.AlterField(
            model_name="run",
            name="held_for",
            field=models.JSONField(blank=True, default=list, help_text="Flags that hold the result for review."),
        ),
    ]
