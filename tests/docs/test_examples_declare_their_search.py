"""No example hides the search that found its architecture: its `search` is in the recipe."""

import pytest

from leaderboard.api.views.submissions import EXAMPLE
from measurement.recipe import Recipe, parse_recipe, read_recipe
from tests.docs.reading import PAGES, ROOT, blocks

SEARCHED = ("mobilenetv3", "mnasnet", "efficientnet", "fbnet", "nasnet", "pnasnet", "spnasnet", "semnasnet")
"""How timm names families whose papers say that a search has found them."""

ON_PAGES = {
    f"{page.name}-{number}": read_recipe(block)
    for page in PAGES
    for number, block in enumerate(blocks(page, "yaml"))
    if block.lstrip().startswith("schema_version")
}
IN_FILES = {
    str(path.relative_to(ROOT)): read_recipe(path.read_text("utf-8"))
    for path in sorted((ROOT / "recipes").glob("*/*.yaml"))
}
EXAMPLES: dict[str, Recipe] = ON_PAGES | IN_FILES | {"openapi.yaml": parse_recipe(EXAMPLE["recipe"])}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_declares_the_search_that_found_its_architecture(name):
    recipe = EXAMPLES[name]
    if recipe.model.architecture.startswith(SEARCHED):
        assert "search" in {phase.phase for phase in recipe.phases}
