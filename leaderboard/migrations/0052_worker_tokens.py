"""A scope for the tokens of workers. Those that workers have keep working: they may administer."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0050_outbox_of_accounts")]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="scope",
            field=models.CharField(
                choices=[("worker", "Worker"), ("submit", "Submit"), ("administer", "Administer")],
                default="submit",
                max_length=20,
            ),
        ),
    ]
