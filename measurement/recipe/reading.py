"""Recipes from text and files: with one fault a field if they can't be taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from measurement.documents import MAX_DOCUMENT_BYTES, DocumentError, Fault, as_json, faults_of, read_document
from measurement.recipe.document import MODEL_FORMATS, SCHEMA_VERSION, Recipe
from measurement.recipe.techniques import TECHNIQUES

_NEWER = (
    f"and this program reads recipes of version {SCHEMA_VERSION}; write the recipe for version {SCHEMA_VERSION}, or "
    "use it where a newer version of the program is installed"
)


def parse_recipe(document: dict[str, Any]) -> Recipe:
    """A recipe from plain values. Raises DocumentError with one fault a field.

    A short document may be long with its defaults: the size limit applies to the written-out form too.
    """
    version = document.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DocumentError([Fault("schema_version", f"is {version}, {_NEWER}")])
    try:
        recipe = Recipe.model_validate_json(as_json(_with_integers(document)))
    except ValidationError as error:
        raise DocumentError([_split_field(fault) for fault in faults_of(error, TECHNIQUES | MODEL_FORMATS)]) from None
    written = len(recipe.text().encode())
    if written > MAX_DOCUMENT_BYTES:
        most = f"a recipe may have at most {MAX_DOCUMENT_BYTES:,}"
        raise DocumentError([Fault("", f"{written:,} bytes with every default written out as JSON; {most}")])
    return recipe


def _with_integers(value: Any) -> Any:
    """`value` with 20 for 20.0, which is an integer in JSON Schema too; number fields take either."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: _with_integers(inner) for key, inner in value.items()}
    return [_with_integers(inner) for inner in value] if isinstance(value, list) else value


def read_recipe(text: str | bytes) -> Recipe:
    """A recipe from YAML or JSON text. Raises DocumentError."""
    return parse_recipe(read_document(text))


def load_recipe(path: Path) -> Recipe:
    """A recipe from a file. Raises DocumentError, also if the file can't be read."""
    try:
        with path.open("rb") as file:
            return read_recipe(file.read(MAX_DOCUMENT_BYTES + 1))
    except OSError as error:
        raise DocumentError([Fault("", f"can't be read: {error.strerror}")]) from None


def recipe_json_schema() -> dict[str, Any]:
    """The JSON Schema of schema version 1."""
    return Recipe.model_json_schema()


def _split_field(fault: Fault) -> Fault:
    """Messages of checks of the whole recipe begin with the field."""
    if fault.field:
        return fault
    field, colon, message = fault.message.partition(": ")
    return Fault(field, message) if colon and " " not in field else fault
