"""The example recipes that fill an empty board."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from leaderboard import services
from leaderboard.configuration import BASE_DIR
from leaderboard.models import Hardware
from measurement.recipe import load_recipe

FOLDER = BASE_DIR / "recipes" / "digits"
# Five in about four minutes: small, coarse, long, large and pruned models each win at another usage. The order of the
# first two already turns with usage: one is the cheapest to train, the other to run in batches.
FIRST = ("starnet-s050", "resnet18-half-resolution", "starnet-s050-long", "resnet18", "resnet18-pruned")


def examples(*, every: bool = False) -> list[Path]:
    """The recipes of FIRST, and if asked for every other one of recipes/digits/."""
    first = [FOLDER / f"{name}.yaml" for name in FIRST]
    return first + ([path for path in sorted(FOLDER.glob("*.yaml")) if path not in first] if every else [])


def queue_examples(hardware: Hardware, *, every: bool = False) -> int:
    """Submit the examples for `hardware`. Returns their number."""
    paths = examples(every=every)
    with transaction.atomic():  # all or none: examples are queued only once, on an empty database
        for path in paths:
            services.submit(load_recipe(path), hardware=hardware, submitter=None)
    return len(paths)
