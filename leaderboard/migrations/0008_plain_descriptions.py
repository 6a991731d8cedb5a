from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("leaderboard", "0007_notified_at"),
    ]

    operations = [
        migrations.AlterField(
            model_name="entry",
            name="data",
            field=models.CharField(
                choices=[("track", "The track's images"), ("synthetic", "Random noise of the same shape")],
                default="track",
                help_text="The images that the run used.",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="submitters_weights",
            field=models.BooleanField(
                default=False, help_text="Whether the quality was evaluated on the submitter's weights."
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="reason",
            field=models.TextField(blank=True, help_text="Why the run failed or was cancelled, in plain words."),
        ),
    ]
