"""A stored recipe as the text of a file, with the names that its work has now."""

from __future__ import annotations

from typing import Any

import yaml

from leaderboard.models import Recipe
from leaderboard.services import names_of


def recipe_document(recipe: Recipe) -> dict[str, Any]:
    """The document as it was submitted, but for names that were corrected since."""
    names = {"method": names_of(recipe.method)} if "method" in recipe.document else {}
    return {**recipe.document, **names}


def recipe_text(recipe: Recipe) -> str:
    """The same as YAML."""
    text: str = yaml.safe_dump(recipe_document(recipe), sort_keys=False, allow_unicode=True, width=100)
    return text
