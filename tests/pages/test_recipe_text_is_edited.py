"""A form's change to a recipe's text changes that and nothing else: comments, order and all other fields stay."""

from __future__ import annotations

import pytest

from leaderboard.presentation import recipe_text
from leaderboard.presentation.draft import examples
from measurement.documents import read_document

TEXT = """\
# Of the whole.
schema_version: 1

method:
  title: "A: network"   # its name
  family: compact
  authors:
    - Somebody
  summary: |
    Two
    lines.

track: digits
model: {architecture: resnet18, resolution: 32}

phases:
  # Of the first.
  - technique: supervised
    phase: train
    epochs: 3
    optimizer:
      name: adamw   # the usual
  # Of the second.
  - technique: quantization
    phase: compress
    scheme: int8_dynamic   # weights only
# At the end.
seed: 4
"""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("method", "title"), "Another: name"),
        (("method", "summary"), "One line"),
        (("method", "authors"), ["Me"]),
        (("method", "paper"), "https://arxiv.org/abs/2108.13465"),
        (("method", "authors"), None),
        (("model", "architecture"), "resnet50"),
        (("model", "width"), 0.5),
        (("phases", 0, "epochs"), 9),
        (("phases", 0, "optimizer", "learning_rate"), 0.00001),
        (("phases", 1, "scheme"), "int8_static"),
        (("phases", 0, "batch_size"), 32),
        (("budget", "time_s"), 60),
        (("seed",), None),
    ],
)
def test_one_field_is_set_and_the_rest_stays(path, value):
    edited = recipe_text.set_value(TEXT, path, value)
    document = read_document(TEXT)
    recipe_text._put(document, path, value)
    assert read_document(edited) == document
    assert recipe_text.keeps_comments(TEXT, edited)
    old, new = TEXT.splitlines(), edited.splitlines()
    assert len(set(old) - set(new)) <= (2 if value is None or "summary" in path or "authors" in path else 1) + (
        "summary" in path
    )


def test_members_are_moved_added_and_removed_with_their_comments():
    swapped = recipe_text.swap_members(TEXT, ("phases",), 0)
    assert [phase["technique"] for phase in read_document(swapped)["phases"]] == ["quantization", "supervised"]
    assert recipe_text.keeps_comments(TEXT, swapped)
    assert swapped.index("# Of the second.") < swapped.index("quantization") < swapped.index("supervised")
    assert read_document(recipe_text.swap_members(swapped, ("phases",), 0)) == read_document(TEXT)
    fewer = recipe_text.remove_member(TEXT, ("phases",), 1)
    assert len(read_document(fewer)["phases"]) == 1
    assert "# At the end." in fewer
    more = recipe_text.add_member(TEXT, ("phases",), 0, {"technique": "declared", "phase": "search"})
    assert read_document(more)["phases"][0]["technique"] == "declared"
    more = recipe_text.add_member(TEXT, ("phases",), 2, {"technique": "declared", "phase": "search"})
    assert read_document(more)["phases"][2]["technique"] == "declared"
    assert recipe_text.keeps_comments(TEXT, more)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"track": "digits", "phases": [{"technique": "supervised", "phase": "train"}]}',
        "track: digits\nphases: [{technique: supervised, phase: train}]",
        "track: digits\nphases:\n",
        "phases:\n- technique: supervised\n  phase: train",
        "method:\ntrack:\n",
    ],
)
def test_any_text_that_can_be_read_is_edited(text):
    named = recipe_text.set_value(text, ("method", "title"), "A name")
    assert read_document(named)["method"] == {"title": "A name"}
    count = len((read_document(named).get("phases")) or [])
    more = recipe_text.add_member(named, ("phases",), count, {"technique": "quantization", "phase": "compress"})
    assert len(read_document(more)["phases"]) == count + 1
    if count:
        swapped = recipe_text.swap_members(more, ("phases",), 0)
        assert read_document(swapped)["phases"][0]["technique"] == "quantization"
        assert len(read_document(recipe_text.remove_member(more, ("phases",), 0))["phases"]) == count


def test_every_example_can_be_edited_without_losing_a_comment():
    for example in examples():
        text = example.text()
        for path in (("method", "title"), ("model", "resolution"), ("phases", 0, "phase")):
            edited = recipe_text.set_value(text, path, "x")
            assert recipe_text.keeps_comments(text, edited), example.name
            assert edited.count("\n") == text.count("\n")
