from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("leaderboard", "0006_samples_are_told"),
    ]

    operations = [
        migrations.RenameField(model_name="run", old_name="rung_at", new_name="notified_at"),
    ]
