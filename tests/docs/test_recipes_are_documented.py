"""docs/recipes.md holds every field with its default, good recipes, and the messages that people really get."""

import re

import pytest

from measurement.documents import DocumentError
from measurement.recipe import TrainingOptions, read_recipe, recipe_json_schema
from tests.docs.reading import DOCS, PAGES, README, blocks, names, rows, sections, text_of

PAGE = DOCS / "recipes.md"
SCHEMA = recipe_json_schema()
TRAINING = TrainingOptions.model_json_schema()


def heading_of(name: str, part: dict) -> str:
    """The heading of a part's table: a technique's, or the field's own name."""
    if name == "TrainingOptions":
        return "Training options"
    technique = part["properties"].get("technique", {}).get("const")
    field = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    return f"A phase with `technique: {technique}`" if technique else f"`{field}`"


DEFINED = SCHEMA["$defs"] | TRAINING["$defs"] | {"TrainingOptions": TRAINING}
PARTS = {"The recipe": SCHEMA} | {
    heading_of(name, part): part for name, part in DEFINED.items() if "properties" in part
}
RECIPES = [
    (page.name, block)
    for page in PAGES
    for block in blocks(page, "yaml")
    if block.lstrip().startswith("schema_version")
]


@pytest.mark.parametrize("heading", sorted(PARTS))
def test_every_field_is_there(heading):
    table = {names(row[0])[0]: row for row in rows(sections(PAGE)[heading])}
    fields = own_fields(PARTS[heading])
    assert set(table) == set(fields)
    if len(fields) < len(PARTS[heading]["properties"]):
        assert "(#training-options)" in sections(PAGE)[heading]
    for name, field in fields.items():
        type_and_range, default = table[name][1:3]
        assert (default == "required") == (name in PARTS[heading].get("required", ()))
        for value in field.get("enum", ()):
            assert f"`{value}`" in type_and_range
        for bound in ("minimum", "maximum", "exclusiveMinimum", "maxLength", "minLength", "maxItems"):
            if bound in field:
                assert as_written(field[bound]) in type_and_range, f"{name}: {bound}"
        if isinstance(field.get("default"), str | int | float):
            assert default.strip("`") == default_as_written(field["default"])


def own_fields(part: dict) -> dict:
    """A part's fields without the training options, which every technique that trains has and one table lists."""
    shared = TRAINING["properties"]
    if part is TRAINING or not set(shared) <= set(part["properties"]):
        return part["properties"]
    return {name: field for name, field in part["properties"].items() if shared.get(name) != field}


def as_written(bound: float) -> str:
    return f"{bound:.0e}".replace("+", "") if bound >= 1e12 else f"{bound:g}" if bound < 1e5 else f"{bound:.0f}"


def default_as_written(default: str | float) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return (default or "empty") if isinstance(default, str) else f"{default:g}"


def test_there_are_recipes_on_both_pages():
    assert {page for page, _ in RECIPES} >= {PAGE.name, README.name}


@pytest.mark.parametrize(
    "text", [text for _, text in RECIPES], ids=[f"{page}-{n}" for n, (page, _) in enumerate(RECIPES)]
)
def test_whole_recipe_is_good(text):
    assert read_recipe(text).phases


BASE = """\
schema_version: 1
method: {title: Small net, family: compact}
track: digits
model: {architecture: resnet18, resolution: 32}
phases:
  - {phase: train, technique: supervised, epochs: 5}
"""
BAD = {
    "unknown field": BASE + "colour: red\n",
    "missing field": BASE.partition("phases:")[0],
    "wrong type": BASE.replace("epochs: 5", "epochs: '5'"),
    "out of range": BASE.replace("epochs: 5", "epochs: 0"),
    "unknown architecture": BASE.replace("resnet18", "resnet81"),
    "unknown technique": BASE.replace("supervised", "magic"),
    "resolution outside the track": BASE.replace("resolution: 32", "resolution: 256"),
    "images smaller than a patch": BASE.replace("resnet18", "deit_small_patch16_224").replace(
        "resolution: 32", "resolution: 8"
    ),
    "order of phases": BASE.replace("supervised, epochs: 5", "structured_pruning, ratio: 0.5").replace(
        "phase: train", "phase: compress"
    ),
    "half a declaration": BASE + "  - {phase: search, technique: declared, energy_j: 1}\n",
    "field given twice": BASE + "track: digits\n",
    "YAML alias": BASE.replace("{title: Small net", "{title: &a Small net").replace("compact", "*a"),
}
MESSAGES = {row[0]: row[1].strip("`") for row in rows(sections(PAGE)["Messages about bad recipes"])}


@pytest.mark.parametrize("fault", sorted(MESSAGES))
def test_message_about_a_bad_recipe_is_real(fault):
    with pytest.raises(DocumentError) as caught:
        read_recipe(BAD[fault])
    assert MESSAGES[fault] in [str(found) for found in caught.value.faults]


SAME = {
    "comments": "# a comment\n" + BASE,
    "title": BASE.replace("Small net", "Another name"),
    "a default": BASE + "seed: 0\n",
    "1e-3": BASE.replace("epochs: 5", "epochs: 5, optimizer: {learning_rate: 1e-3}"),
}
OTHER = {
    "seed": BASE + "seed: 1\n",
    "budget": BASE + "budget: {time_s: 60}\n",
    "order of scenarios": BASE + "inference: {scenarios: [offline, single_stream]}\n",
}


@pytest.mark.parametrize("change", sorted(SAME))
def test_what_is_said_to_be_the_same_is(change):
    assert read_recipe(SAME[change]).sha256 == read_recipe(BASE).sha256


@pytest.mark.parametrize("change", sorted(OTHER))
def test_what_is_said_to_differ_does(change):
    assert read_recipe(OTHER[change]).sha256 != read_recipe(BASE).sha256


def test_every_example_recipe_that_is_named_is_there():
    for page in PAGES:
        for name in [word for word in text_of(page).replace("`", " ").split() if word.startswith("recipes/digits/")]:
            assert (DOCS.parent / name.rstrip(".,)")).exists(), f"{page.name}: {name}"
