"""The recipes on the pages do what the pages say: the first one really runs, the others are tried phase by phase."""

import pytest
import torch

from measurement.recipe import Recipe, read_recipe
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.run.workbench import set_up
from tests.docs.reading import DOCS, PAGES, blocks
from tests.measurement.running import BRIEF

CPU = torch.device("cpu")


def recipes_of(page):
    return [read_recipe(block) for block in blocks(page, "yaml") if block.lstrip().startswith("schema_version")]


EXAMPLES: dict[str, Recipe] = {
    f"{page.name}: {recipe.method.title}": recipe
    for page in PAGES
    for recipe in recipes_of(page)
    if recipe.track == "digits"
}


@pytest.mark.parametrize("title", EXAMPLES)
def test_every_phase_of_an_example_on_the_digits_can_be_done(title):
    """Builds the network and does a step of each phase, as a run does before it meters anything."""
    recipe = EXAMPLES[title]
    assert set_up(recipe, "full", CPU).architecture == recipe.model.architecture


def test_the_first_recipe_of_the_page_runs_to_a_record(tmp_path):
    recipe = recipes_of(DOCS / "recipes.md")[0]
    shorter = recipe.model_copy(update={"phases": (recipe.phases[0].model_copy(update={"epochs": 2}),)})
    record = run_recipe(shorter, tmp_path, RunOptions(device="cpu", plan=BRIEF))
    assert [str(phase.phase) for phase in record.phases] == ["train", "evaluate", "inference", "inference"]
    assert record.quality.value > 0.3  # guessing gives 0.1
