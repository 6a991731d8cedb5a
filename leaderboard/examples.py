"""The example recipes that fill an empty board."""

from __future__ import annotations

from django.db import transaction

from leaderboard import services
from leaderboard.configuration import BASE_DIR
from leaderboard.models import Hardware
from measurement.recipe import load_recipe

EXAMPLES = BASE_DIR / "recipes" / "digits"


def queue_examples(hardware: Hardware) -> int:
    """Submit every recipe of recipes/digits/ for `hardware`, each before its variations. Returns their number."""
    paths = sorted(EXAMPLES.glob("*.yaml"), reverse=True)  # starnet-s050, starnet-s050-long, resnet18 …
    with transaction.atomic():  # all or none: the board is looked at for emptiness but once
        for path in paths:
            services.submit(load_recipe(path), hardware=hardware, submitter=None)
    return len(paths)
