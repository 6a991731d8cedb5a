"""A reader who does not know N gives a range: who is safe over all of it, who is best on average, what that costs."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.factories import EntryFactory, make_board
from tests.pages.reading import text

pytestmark = pytest.mark.django_db
API = "/api/v1/leaderboard/range"


@pytest.fixture
def board():
    """One cheap to find, one cheap to use, and a compromise that is best nowhere."""
    board = make_board(0)
    for title, own_j, image_j in (("Found", 10, 10), ("Used", 1e6, 0.1), ("Compromise", 5e5, 6)):
        EntryFactory(
            board=board, recipe__method__title=title, own_energy_j=own_j, inference_energy_j=image_j, quality=0.97
        )
    return board


def test_the_page_says_who_is_safe_and_what_ignorance_costs(client: Client, board) -> None:
    page = client.get("/", {"n_from": "10000", "n_to": "1000000"})
    said = text(page)
    assert (
        "From 10,000 to 1 million images, 2 models are each the best somewhere. The safest choice is Compromise: not "
        "knowing the usage costs at most 491 % or 5.40 MJ (at 1 million images) more "
        "energy than the best for it would use. The best on average is Found, with 135 % more, every power of ten as "
        "likely as another (163 % for the safest), but at most 809 %."
    ) in said
    html = page.content.decode()
    assert '<details class="range" id="range" open>' in html
    (link,) = re.findall(r'id="range-link" href="([^"]*)"', html)
    again = text(client.get("/" + link.replace("&amp;", "&")))
    assert again.partition("http://")[0] == said.partition("http://")[0]  # before the address that is printed
    # Every other link of the page keeps the range.
    assert "n_from=10000&amp;n_to=1000000" in re.findall(r'href="([^"]*)" data-usage', html)[0]


def test_one_that_wins_everywhere_costs_nothing(client: Client, board) -> None:
    said = text(client.get("/", {"n_from": "10", "n_to": "1e3"}))
    assert "From 10 to 1,000 images, Found is the best at any usage: not knowing it costs nothing." in said
    assert "nothing to choose from" in text(client.get("/", {"n_from": "10", "n_to": "1e3", "search": "zebra"}))


def test_by_greenness(client: Client, board) -> None:
    EntryFactory(board=board, recipe__method__title="Exact", own_energy_j=11, inference_energy_j=10.5, quality=1.0)
    asked = {"n_from": "10", "n_to": "1e6", "order_by": "greenness", "accuracy_weight": "5"}
    said = text(client.get("/", asked))
    assert "models are each the greenest somewhere" in said
    assert "more energy than one of the same accuracy that is as green as the best for it would use" in said
    found = client.get(API, asked).json()
    assert (found["order_by"], found["accuracy_weight"]) == ("greenness", 5)
    assert f"The safest choice is {found['safest']['method']}: " in said


def test_without_a_range_the_fold_is_closed(client: Client, board) -> None:
    html = client.get("/").content.decode()
    assert '<details class="range" id="range">' in html
    assert 'name="n_from" value=""' in html


@pytest.mark.parametrize(
    ("asked", "field", "remedy"),
    [
        ({"n_from": "0.5", "n_to": "10"}, "n_from", "a number from 1 to 1e15"),
        ({"n_from": "10", "n_to": "1e16"}, "n_to", "a number from 1 to 1e15"),
        ({"n_from": "10", "n_to": "many"}, "n_to", "a number from 1 to 1e15"),
        ({"n_from": "100", "n_to": "10"}, "n_to", "at least n_from, which is 100"),
        ({"n_to": "10"}, "n_from", "is missing"),
        ({"n_from": "10"}, "n_to", "is missing"),
    ],
)
def test_what_is_no_range_is_named(client: Client, board, asked, field, remedy) -> None:
    refused = client.get(API, asked)
    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert error["field"] == field
    assert remedy in error["message"]
    page = client.get("/", asked)
    assert f"“{field}” was reset to its default" in text(page)
    assert "n_from" not in page.context["parameters"]


def test_the_api_has_the_figures(client: Client, board) -> None:
    answer = client.get(API, {"n_from": "1e4", "n_to": "1e6", "min_quality": "0.9"}).json()
    assert (answer["n_from"], answer["n_to"], answer["winners"], answer["min_quality"]) == (1e4, 1e6, 2, 0.9)
    safest, average = answer["safest"], answer["best_on_average"]
    assert (safest["method"], average["method"]) == ("Compromise", "Found")
    assert safest["worst_ratio"] == pytest.approx(6.5e6 / 1.1e6)
    assert (safest["worst_at_usage_intensity"], safest["extra_energy_j"]) == (1e6, pytest.approx(5.4e6))
    assert 1 < average["mean_ratio"] < safest["mean_ratio"]
    none = client.get(API, {"n_from": "1", "n_to": "2", "search": "zebra"}).json()
    assert (none["winners"], none["safest"], none["best_on_average"]) == (0, None, None)
    unknown = client.get(API, {"n_from": "1", "n_to": "2", "usage_intensity": "5"}).json()["errors"]
    assert unknown[0]["field"] == "usage_intensity"
    assert client.get("/api/v1/leaderboard", {"n_from": "1", "n_to": "2"}).status_code == 400
