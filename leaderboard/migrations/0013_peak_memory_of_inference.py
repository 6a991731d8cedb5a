from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("leaderboard", "0012_works_and_claims"),
    ]

    operations = [
        migrations.AddField(
            model_name='entry',
            name='peak_memory_bytes',
            field=models.PositiveBigIntegerField(help_text='Of inference; null if unknown.', null=True),
        ),
    ]
