"""Which recipes name a measurement is stored, so that one that none names can go."""

import re
from typing import Any

from django.db import migrations, models

ADDRESS = re.compile(r"/api/v1/measurements/([0-9a-f]{64})/?\Z")


def name_earlier(apps: Any, schema_editor: Any) -> None:
    """Of the recipes that were submitted before."""
    Measurement, Recipe = apps.get_model("leaderboard", "Measurement"), apps.get_model("leaderboard", "Recipe")
    known = dict(Measurement.objects.values_list("sha256", "pk"))
    if not known:
        return
    for pk, document in Recipe.objects.values_list("pk", "document").iterator():
        for phase in document.get("phases", []):
            found = ADDRESS.search(phase.get("evidence") or "")
            if found and found[1] in known:
                Measurement.objects.get(pk=known[found[1]]).recipes.add(pk)


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0052_worker_tokens")]

    operations = [
        migrations.AddField(
            model_name="measurement",
            name="recipes",
            field=models.ManyToManyField(
                help_text="Those that name it as evidence.", related_name="measurements", to="leaderboard.recipe"
            ),
        ),
        migrations.RunPython(name_earlier, migrations.RunPython.noop),
    ]
