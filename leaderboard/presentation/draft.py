"""The recipe that a submit form starts with."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.contrib.auth.models import User

import catalogue
from leaderboard.models import Entry, Method, Recipe
from leaderboard.presentation import recipe_text
from measurement.documents import DocumentError, read_document
from measurement.recipe import parse_recipe
from measurement.tracks import Track, find_track

RECIPES = settings.BASE_DIR / "recipes"
EXAMPLE = RECIPES / "digits" / "starnet-s050.yaml"
WITHOUT_EXAMPLE = "# Write a recipe here. Its schema is at /api/v1/recipe-schema.\n"
NOT_STATED = (
    "Optimizer, learning rate, batch size and augmentation are at the recipe language's defaults: "
    "set the method's own."
)
LEFT_OUT = ("reported",)
"""What is somebody's own result, and no part of what is done."""


@dataclass(frozen=True, slots=True)
class Start:
    """A recipe as text, and what it leaves out of a published model, a sentence each.

    is_example: it is an example; the recipe language can't say the published model. origin: what it comes from, for
    people. missing: what was asked for and is not there, a sentence. is_own: its names are those of who starts.
    """

    text: str
    not_said: tuple[str, ...] = ()
    is_example: bool = True
    origin: str = ""
    missing: str = ""
    is_own: bool = False

    def without(self, missing: str) -> Start:
        """As what is shown instead of something that is not there."""
        return replace(self, missing=missing)

    def by(self, user: User) -> Start:
        """With the authors left out and the name of who starts in their place, unless the names are their own."""
        return self if self.is_own else replace(self, text=with_author(self.text, user))


@dataclass(frozen=True, slots=True)
class Example:
    """A recipe of recipes/: `name` is its folder and file, `title` that of its method."""

    name: str
    title: str
    path: Path

    def text(self) -> str:
        """As it is written."""
        return self.path.read_text("utf-8")


@cache
def examples() -> tuple[Example, ...]:
    """The example recipes, those that run in seconds first; none if they are not installed."""
    found = []
    for path in sorted(RECIPES.glob("*/*.yaml"), key=lambda path: (path.parent.name != "digits", str(path))):
        title = read_document(path.read_text("utf-8"))["method"]["title"]
        found.append(Example(f"{path.parent.name}/{path.stem}", title, path))
    return tuple(found)


def with_author(text: str, user: User) -> str:
    """A recipe's text with this person as its author: others' names are never carried into one's own recipe."""
    try:
        if not (read_document(text).get("method") or {}).get("authors"):
            return text
        return recipe_text.set_value(text, ("method", "authors"), [user.get_full_name() or user.get_username()])
    except DocumentError:
        return text


def example() -> Start:
    """The shortest of the example recipes."""
    try:
        return Start(EXAMPLE.read_text("utf-8"), origin="the shortest of the examples")
    except FileNotFoundError:
        return Start(WITHOUT_EXAMPLE)


def of_example(name: str) -> Start | None:
    """An example by its name; None if there is none."""
    found = next((example for example in examples() if example.name == name), None)
    return Start(found.text(), origin=f"the example “{found.title}”") if found else None


def of_track(key: str) -> Start | None:
    """A recipe for a track: the first of its examples, or the shortest with another track; None if it is unknown."""
    if not isinstance(find_track(key), Track):
        return None
    own = sorted((RECIPES / key).glob("*.yaml"))
    if own and key != "digits":
        return Start(own[0].read_text("utf-8"), origin=f"an example of track {key}")
    return Start(re.sub(r"(?m)^track: .*$", f"track: {key}", example().text), origin=f"an example with track {key}")


def of_recipe(recipe: Recipe, user: User, origin: str) -> Start:
    """The recipe of an entry or a run, with the current names of its method; without what is at its default."""
    document = recipe.document
    try:
        document = parse_recipe(document).model_dump(mode="json", exclude_defaults=True)
    except DocumentError:  # of an older version of the schema
        document = dict(document)
    if document.get("dataset"):  # the site writes it again if the results are to be private
        document["dataset"] = {name: value for name, value in document["dataset"].items() if name != "private_to"}
    is_own = recipe.method.submitter_id == user.pk
    document["method"] = _names(recipe.method)
    if not is_own:
        document = {name: value for name, value in document.items() if name not in LEFT_OUT}
    return Start(recipe_text.written(document), is_example=False, origin=origin, is_own=is_own)


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
    origin = f"the published model {entry.published.model}"
    return Start(text, (*draft.not_said, NOT_STATED), is_example=False, origin=origin)


def _names(method: Method) -> dict[str, Any]:
    given = {
        "title": method.title,
        "family": method.family,
        "paper": method.paper,
        "authors": list(method.authors),
        "summary": method.summary,
        "published_model": method.published_model,
    }
    return {name: value for name, value in given.items() if value}


@cache
def _catalogue() -> catalogue.Catalogue:
    return catalogue.load()
