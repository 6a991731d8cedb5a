"""How a network is run stands on its row, and readers choose by it on the page and by the API."""

from __future__ import annotations

import re

import pytest

from tests.factories import make_board, make_verified_entry
from tests.pages.reading import text

pytestmark = pytest.mark.django_db

API = "/api/v1/leaderboard"
RUN = {
    "": {},
    "bf16 · compiled": {"precision": "bfloat16", "compile": True},
    "ONNX Runtime": {"runtime": "onnxruntime"},
}


@pytest.fixture
def entries():
    """One of each, by its mark, on one board."""
    board = make_board(0)
    made = {}
    for mark, options in RUN.items():
        made[mark] = entry = make_verified_entry(board)
        document = entry.recipe.document
        document["inference"] = document.get("inference", {}) | options
        type(entry.recipe).objects.filter(pk=entry.recipe_id).update(document=document)
    type(board).objects.filter(pk=board.pk).update(revision=board.revision + 1, size=3)
    return made


def found(client, **asked):
    return {row["entry"]: row for row in client.get(API, asked | {"min_quality": "0"}).json()["results"]}


def test_rows_say_it_on_the_page_in_the_api_and_in_the_snapshot(client, entries):
    rows = found(client)
    assert {mark: rows[entry.pk]["run_mark"] for mark, entry in entries.items()} == {mark: mark for mark in RUN}
    compiled = rows[entries["bf16 · compiled"].pk]
    assert (compiled["precision"], compiled["runtime"], compiled["compiled"]) == ("bfloat16", "torch", "yes")
    columns = client.get(f"{API}/snapshot").json()["columns"]
    assert dict(zip(columns["entry"], columns["run_mark"], strict=True)) == {
        entry.pk: mark for mark, entry in entries.items()
    }
    page = client.get("/?min_quality=0")
    for mark in RUN:
        assert re.search(rf'data-slot="run_mark"[^>]*>{mark}<', page.content.decode()), mark
    counts = dict(re.findall(r'data-facet="runtime" data-value="(\w+)">(\d)<', page.content.decode()))
    assert counts == {"torch": "2", "onnxruntime": "1"}


@pytest.mark.parametrize(
    ("asked", "marks"),
    [
        ({"precision": "bfloat16"}, {"bf16 · compiled"}),
        ({"precision": "float32", "runtime": "torch"}, {""}),
        ({"runtime": "onnxruntime,torch", "compiled": "no"}, {"", "ONNX Runtime"}),
        ({"precision": "float16"}, set()),
    ],
)
def test_a_reader_chooses_by_it(asked, marks, client, entries):
    chosen = {entries[mark].pk for mark in marks}
    assert set(found(client, **asked)) == chosen
    page = client.get("/", asked | {"min_quality": "0"})
    assert {int(entry) for entry in re.findall(r'<tr role="row" data-entry="(\d+)"', page.content.decode())} == chosen
    assert f"Filters ({sum(len(values.split(',')) for values in asked.values())})" in text(page)


def test_what_is_no_way_to_run_is_refused_by_name(client, entries):
    for name in ("precision", "runtime", "compiled"):
        refused = client.get(API, {name: "fast"})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["field"] == name
