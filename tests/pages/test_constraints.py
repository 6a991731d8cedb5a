"""Limits on figures: what is left is ranked, what lacks a figure is left out and counted; on the page and by API."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client

from tests.factories import EntryFactory, make_board
from tests.pages.reading import rows, text

pytestmark = pytest.mark.django_db
API = "/api/v1/leaderboard"
FIGURES = {
    # title: latency, parameters, MACs, memory, batch
    "Small": (2.0, 1_000_000, 50_000_000, 20_000_000, 1),
    "Middle": (8.0, 5_000_000, 300_000_000, 200_000_000, 64),
    "Large": (30.0, 80_000_000, 4_100_000_000, 3_000_000_000, 256),
    "Published": (None, 25_000_000, 4_000_000_000, None, 256),
    "Uncounted": (5.0, 2_000_000, None, None, 32),
}


@pytest.fixture
def board():
    board = make_board(0)
    for number, (title, (latency, parameters, macs, memory, batch)) in enumerate(FIGURES.items(), 1):
        EntryFactory(
            board=board,
            recipe__method__title=title,
            own_energy_j=1000.0 * number,
            inference_energy_j=0.001,
            quality=0.97,
            latency_p50_ms=latency,
            parameters=parameters,
            macs=macs,
            peak_memory_bytes=memory,
            batch_size=batch,
        )
    EntryFactory(board=board, recipe__method__title="Below the floor", quality=0.5, peak_memory_bytes=None)
    return board


def titles(found) -> list[str]:
    return [row["method"] for row in rows(found)]


@pytest.mark.parametrize(
    ("asked", "left", "unknown"),
    [
        ({"max_latency_p50_ms": "8"}, ["Small", "Middle", "Uncounted"], 1),
        ({"max_parameters": "5000000"}, ["Small", "Middle", "Uncounted"], 0),
        ({"max_macs": "4000000000"}, ["Small", "Middle", "Published"], 1),
        ({"max_peak_memory_bytes": "2e8"}, ["Small", "Middle"], 2),
        ({"max_batch_size": "64"}, ["Small", "Middle", "Uncounted"], 0),
        ({"min_batch_size": "64"}, ["Middle", "Large", "Published"], 0),
        ({"max_macs": "1"}, [], 1),
    ],
    ids=str,
)
def test_each_limit_is_the_same_on_the_page_and_in_the_api(client: Client, board, asked, left, unknown) -> None:
    page, answer = client.get("/", asked), client.get(API, asked).json()
    assert titles(page) == [row["method"] for row in answer["results"]] == left
    ((name, limit),) = asked.items()
    effect = {"parameter": name, "limit": float(limit), "leaves": len(left), "of": 5, "unknown": unknown}
    assert answer["constraints"] == [effect]
    said = text(page)
    known = f"; of {unknown} the" if unknown else ""
    assert f"leaves {len(left)} of 5{known}" in said
    assert f"filtered model{'' if len(left) == 1 else 's'}" in said or not left
    html = page.content.decode()
    assert '<details class="constraints" id="constraints" open>' in html
    assert name in page.context["parameters"]
    champions = client.get(f"{API}/champions", asked).json()["results"]
    assert {line["method"] for line in champions} <= set(left)
    ranged = client.get(f"{API}/range", asked | {"n_from": "1", "n_to": "1e9"}).json()
    assert (ranged["safest"] or {"method": None})["method"] in [*left, None]


def test_limits_work_together_and_each_is_counted_among_what_the_others_leave(client: Client, board) -> None:
    asked = {"max_peak_memory_bytes": "1 GB", "max_latency_p50_ms": "10 ms", "min_batch_size": "2"}
    page = client.get("/", asked)
    assert titles(page) == ["Middle"]
    assert "Constraints: latency ≤ 10.0 ms, memory ≤ 1.00 GB, batch ≥ 2" in text(page)
    assert "at least 95 %, leaves 1 of 1" in text(page)
    numbers = {"max_peak_memory_bytes": "1e9", "max_latency_p50_ms": "10", "min_batch_size": "2"}
    found = {line["parameter"]: line for line in client.get(API, numbers).json()["constraints"]}
    assert [found[name]["of"] for name in numbers] == [2, 1, 2]
    assert found["max_peak_memory_bytes"]["unknown"] == 1
    downloaded = csv.DictReader(io.StringIO(client.get(f"{API}.csv", numbers).content.decode()))
    (line,) = downloaded
    assert (line["method"], line["peak_memory_bytes"]) == ("Middle", "200000000")
    assert "max_peak_memory_bytes=1000000000" in line["view"]
    assert titles(client.get("/?" + line["view"].partition("?")[2])) == ["Middle"]


def test_without_limits_nothing_is_left_out(client: Client, board) -> None:
    page = client.get("/")
    assert titles(page) == list(FIGURES)
    assert '<details class="constraints" id="constraints">' in page.content.decode()
    assert client.get(API).json()["constraints"] == []
    memory = {row["method"]: row["peak_memory_bytes"] for row in client.get(API).json()["results"]}
    assert memory == {title: figures[3] for title, figures in FIGURES.items()}
    shown = rows(client.get("/", {"columns": "memory", "sort": "-memory"}))
    assert [row["memory"] for row in shown] == ["3.00\u00a0GB", "200\u00a0MB", "20.0\u00a0MB", "—", "—"]
    entry = board.entries.get(recipe__method__title="Small")
    assert "Memory20.0 MB of inference at its peak, batch of 1" in text(client.get(entry.get_absolute_url())).replace(
        "Memory ", "Memory"
    )


@pytest.mark.parametrize(
    ("asked", "field", "remedy"),
    [
        ({"max_parameters": "0"}, "max_parameters", "a number above 0, such as 25000000, 25 M or 1.5 B"),
        ({"max_peak_memory_bytes": "5 ms"}, "max_peak_memory_bytes", ""),
        ({"max_latency_p50_ms": "fast"}, "max_latency_p50_ms", ""),
        ({"min_batch_size": "64", "max_batch_size": "8"}, "max_batch_size", "at least min_batch_size, 64"),
    ],
    ids=str,
)
def test_what_is_no_limit_is_named(client: Client, board, asked, field, remedy) -> None:
    refused = client.get(API, asked)
    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert error["field"] == field
    assert remedy in error["message"]
    assert f"“{field}” was reset to its default" in text(client.get("/", asked))


@pytest.mark.parametrize("typed", ["25 M", "512MB", "1,000", "%D9%A7"])
def test_the_api_takes_numbers_alone(client: Client, board, typed) -> None:
    (error,) = client.get(f"{API}?max_parameters={typed}").json()["errors"]
    assert (error["field"], "write a number" in error["message"]) == ("max_parameters", True)
    assert client.get(f"{API}?max_parameters=").json()["errors"][0]["message"].startswith("is empty")
