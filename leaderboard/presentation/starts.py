"""What the address of the submit page asks to start from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from django.contrib.auth.models import User

from leaderboard import queries
from leaderboard.presentation import draft
from leaderboard.presentation.draft import Start, examples

__all__ = ["Start", "examples", "number_in", "start_of"]

MOST_DIGITS = 15
AN_EXAMPLE = "The shortest of the examples is shown instead."


def start_of(asked: Mapping[str, str], user: User) -> Start:
    """The recipe that the form starts with: of an `entry`, `run`, `example`, `published` entry or `track`.

    Without one, or if there is none, the shortest example. Only an author of the method keeps its authors.
    """
    given = {name: asked[name].strip()[:200] for name in _STARTS if asked.get(name, "").strip()}
    for name, value in given.items():
        found = _STARTS[name][1](value, user)
        if found is not None:
            return found.by(user)
    start = draft.example().by(user)
    if not given:
        return start
    missing = " and ".join(f"no {_STARTS[name][0]} “{value}”" for name, value in given.items())
    return start.without(f"There is {missing}. {AN_EXAMPLE}")


def number_in(value: str) -> int | None:
    """A number, or that in the address of an entry's page."""
    address = re.search(r"/entries/(\d{1,15})(/|$)", value)
    digits = address[1] if address else value
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS else None


def _of_entry(value: str, user: User) -> Start | None:
    number = number_in(value)
    entry = queries.find_entry(number) if number is not None else None
    if entry is None or entry.recipe is None:
        return draft.of_published(entry) if entry else None
    return draft.of_recipe(entry.recipe, user, f"entry {entry.pk}, {entry.method.title}")


def _of_run(value: str, user: User) -> Start | None:
    number = number_in(value)
    if number is None:
        return None
    run = queries.runs().filter(pk=number).select_related("recipe__method").first()
    return draft.of_recipe(run.recipe, user, f"run {run.pk}, {run.recipe.method.title}") if run else None


_STARTS: dict[str, tuple[str, Callable[[str, User], Start | None]]] = {
    "entry": ("entry", _of_entry),
    "run": ("run", _of_run),
    "example": ("example", lambda value, _: draft.of_example(value)),
    "published": ("published entry", _of_entry),
    "track": ("track", lambda value, _: draft.of_track(value)),
}
"""What may be asked for: its name for people, and how it is found."""
