"""The example recipes that fill an empty board."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from leaderboard import services
from leaderboard.configuration import BASE_DIR
from leaderboard.models import Hardware
from measurement.recipe import load_recipe

FOLDER = BASE_DIR / "recipes" / "digits"
# Five that tell the story in four minutes: what is small, large, long, coarse or pruned wins at another use.
FIRST = ("starnet-s050", "starnet-s050-long", "resnet18", "resnet18-pruned", "resnet18-half-resolution")


def examples(*, every: bool = False) -> list[Path]:
    """The recipes of FIRST, and where asked for after them every other one of recipes/digits/."""
    first = [FOLDER / f"{name}.yaml" for name in FIRST]
    return first + ([path for path in sorted(FOLDER.glob("*.yaml")) if path not in first] if every else [])


def queue_examples(hardware: Hardware, *, every: bool = False) -> int:
    """Submit the examples for `hardware`. Returns their number."""
    paths = examples(every=every)
    with transaction.atomic():  # all or none: the board is looked at for emptiness but once
        for path in paths:
            services.submit(load_recipe(path), hardware=hardware, submitter=None)
    return len(paths)
