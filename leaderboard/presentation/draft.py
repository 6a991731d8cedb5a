"""The recipe that a submit form starts with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import yaml
from django.conf import settings

import catalogue
from leaderboard.models import Entry
from measurement.tracks import Track, find_track

EXAMPLE = settings.BASE_DIR / "recipes" / "digits" / "starnet-s050.yaml"
WITHOUT_EXAMPLE = "# Write a recipe here. Its schema is at /api/v1/recipe-schema.\n"
NOT_STATED = (
    "Optimizer, learning rate, batch size and augmentation are at the recipe language's defaults: "
    "set the method's own."
)


@dataclass(frozen=True, slots=True)
class Start:
    """A recipe as text, and what it leaves out of a published model, a sentence each.

    is_example: it is an example; the recipe language can't say the published model.
    """

    text: str
    not_said: tuple[str, ...] = ()
    is_example: bool = True


def example() -> Start:
    """The shortest of the example recipes."""
    try:
        return Start(EXAMPLE.read_text("utf-8"))
    except FileNotFoundError:
        return Start(WITHOUT_EXAMPLE)


def of_track(key: str) -> Start | None:
    """A recipe for a track: the first of its examples, or the shortest with another track; None if it is unknown."""
    if not isinstance(find_track(key), Track):
        return None
    own = sorted((settings.BASE_DIR / "recipes" / key).glob("*.yaml"))
    if own and key != "digits":
        return Start(own[0].read_text("utf-8"))
    return Start(re.sub(r"(?m)^track: .*$", f"track: {key}", example().text))


def of_published(entry: Entry) -> Start | None:
    """The recipe that a published entry stands for; None if the catalogue no longer has it."""
    if entry.published is None:
        return None
    draft = catalogue.recipe_of(_catalogue(), entry.published.model, entry.published.resolution)
    if draft is None:
        return None
    if draft.document is None:
        return Start(example().text, draft.not_said)
    text = yaml.safe_dump(draft.document, sort_keys=False, allow_unicode=True, width=100)
    return Start(text, (*draft.not_said, NOT_STATED), is_example=False)


@cache
def _catalogue() -> catalogue.Catalogue:
    return catalogue.load()
