"""The body of a POST to /submissions: a recipe, the hardware to run it on, and the mode."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args
from uuid import UUID

from django.http import QueryDict

from leaderboard.api.errors import Error, Faults
from leaderboard.api.parameters import unknown_hardware
from leaderboard.models import Hardware
from measurement.documents import DocumentError
from measurement.recipe import Recipe, parse_recipe
from measurement.vocabulary import Mode

MODES: tuple[str, ...] = get_args(Mode)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OPTIONS = frozenset({"hardware", "mode", "version_of"})


@dataclass(frozen=True, slots=True)
class Submitted:
    """A valid submission."""

    recipe: Recipe
    hardware: Hardware
    mode: str
    version_of: UUID | None


@dataclass(frozen=True, slots=True)
class Options:
    """The recipe's document, not read yet, and the options of a submission."""

    document: Any
    hardware: Hardware | None
    mode: str
    version_of: UUID | None


def read_submission(document: Mapping[str, Any], given: QueryDict) -> Submitted:
    """Body and query string, read together. Raises Faults with everything that is wrong."""
    options, errors = read_options(document, given)
    recipe = _recipe(options.document, errors)
    if errors or recipe is None or options.hardware is None:
        raise Faults(errors)
    return Submitted(recipe, options.hardware, options.mode, options.version_of)


def read_options(document: Mapping[str, Any], given: QueryDict) -> tuple[Options, list[Error]]:
    """What body and query string have, and what is wrong with it, the recipe's document apart."""
    errors: list[Error] = []
    options: dict[str, Any] = {name: given[name] for name in OPTIONS if given.get(name)}
    recipe_document: Any = document
    if "recipe" in document:
        recipe_document = document["recipe"]
        body_options = {name: value for name, value in document.items() if name != "recipe"}
        known = f"a field of a submission; use one of recipe, {', '.join(sorted(OPTIONS))}"
        errors += take_options(body_options, options, OPTIONS, known)
    hardware = _hardware(options.get("hardware"), errors)
    mode = options.get("mode", "full")
    errors += check_mode(mode)
    version_of = _version_of(options.get("version_of"), errors)
    return Options(recipe_document, hardware, mode, version_of), errors


def check_mode(mode: object) -> list[Error]:
    """The errors of a mode."""
    return [] if mode in MODES else [("mode", f"is {str(mode)[:40]!r}, but must be one of {', '.join(MODES)}")]


def take_options(
    document: Mapping[str, Any], options: dict[str, Any], known: frozenset[str], fields: str
) -> list[Error]:
    """Add a body's options to those of the query string. Returns errors. fields: completes "is not …" for others."""
    errors: list[Error] = []
    for name, value in document.items():
        if value is None:
            continue
        if name not in known:
            errors.append((name, f"is not {fields}"))
        elif options.setdefault(name, value) != value:
            errors.append((name, "differs between body and query string; give it once"))
    return errors


def _version_of(given: object, errors: list[Error]) -> UUID | None:
    if given is None:
        return None
    if isinstance(given, str) and _UUID.fullmatch(given):
        return UUID(given)
    errors.append(("version_of", f"is {str(given)[:40]!r}, but must be the id of a submission of yours"))
    return None


def _hardware(slug: object, errors: list[Error]) -> Hardware | None:
    known = {item.slug: item for item in Hardware.objects.all()}
    if slug is None and len(known) == 1:
        return next(iter(known.values()))
    if slug is None:
        names = f"use one of {', '.join(known)}" if known else "but no worker has registered any yet"
        errors.append(("hardware", f"is required; {names}"))
        return None
    if not isinstance(slug, str) or slug not in known:
        errors.append(("hardware", unknown_hardware(str(slug), known)))
        return None
    return known[slug]


def _recipe(document: Any, errors: list[Error]) -> Recipe | None:
    if not isinstance(document, Mapping):
        errors.append(("recipe", "must be an object"))
        return None
    try:
        return parse_recipe(dict(document))
    except DocumentError as error:
        errors += [(fault.field or None, fault.message) for fault in error.faults]
        return None
