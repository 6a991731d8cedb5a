"""The leaderboard ranked by greenness, as a reader without JavaScript gets it."""

import re

import pytest

from tests.factories import EntryFactory, make_board
from tests.pages.reading import text

pytestmark = pytest.mark.django_db
GREEN = {"order_by": "greenness", "usage_intensity": "1e6", "min_quality": "0"}


@pytest.fixture
def board():
    """Thrifty: 10 kJ at 75 %. Accurate: 13 kJ at 81.2 %. Hopeless predicts nothing."""
    board = make_board(0)
    for title, own_energy_j, quality in (
        ("Thrifty", 9_000, 0.75),
        ("Accurate", 12_000, 0.812),
        ("Hopeless", 20_000, 0.0),
    ):
        EntryFactory(
            board=board,
            recipe__method__title=title,
            own_energy_j=own_energy_j,
            inference_energy_j=0.001,
            quality=quality,
            own_u95_j=10.0,
        )
    return board


def column(page, name):
    """The texts of a column."""
    found = re.findall(rf'data-slot="{name}"[^>]*>([^<]*)<', page.content.decode().split("<template")[0])
    return [value.replace("\u00a0", " ") for value in found]


@pytest.mark.parametrize(
    ("weight", "order", "percents"),
    [
        ("0", ["Thrifty", "Accurate", "Hopeless"], ["100", "76.9", "47.6"]),
        ("1", ["Thrifty", "Accurate", "Hopeless"], ["100", "83.3", "—"]),
        ("5", ["Accurate", "Thrifty", "Hopeless"], ["100", "87.4", "—"]),
    ],
)
def test_the_weight_decides_the_order(client, board, weight, order, percents):
    page = client.get("/", GREEN | {"accuracy_weight": weight})
    assert column(page, "method") == order
    assert column(page, "greenness") == percents


def test_greenness_is_given_in_full_on_hover(client, board):
    page = client.get("/", GREEN).content.decode().replace("\u00a0", " ")
    assert 'title="75.0 per MJ"' in page
    assert 'title="—"' in page


def test_only_this_order_has_its_column_and_its_weight(client, board):
    by_energy, by_greenness = (client.get("/", asked) for asked in ({}, GREEN))
    assert column(by_energy, "greenness") == []
    assert 'data-column="greenness" data-width' in by_energy.content.decode()
    assert '<div class="weight" data-only-by="greenness" hidden>' in by_energy.content.decode()
    assert '<div class="weight" data-only-by="greenness">' in by_greenness.content.decode()
    assert "Which model is the greenest" in text(by_greenness)
    assert "is not one of" in text(client.get("/", {"columns": "greenness"}))


def test_summary_says_the_result_in_words(client, board):
    assert (
        "For 1 million images on Test Cpu, Accurate (81.2 % top-1, below this track's floor of 95 %) is the greenest "
        "at τ = 5 of 2 models, without a quality floor: 13.0 kJ (3.61 Wh, estimated) over its life, 92 % of it "
        "one-time. Next: Thrifty (75.0 %), 87.4 % as green. No other wins at any usage."
    ) in text(client.get("/", GREEN | {"accuracy_weight": "5"}))


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        (
            "5",
            "At τ = 5, Accurate (81.2 %) beats Thrifty (75.0 %), the winner at τ = 0: it uses 1.30 times the energy, "
            "but (0.812/0.750)^5 ≈ 1.49.",
        ),
        ("1", "At τ = 1, Thrifty (75.0 %) still wins, as at τ = 0: no higher accuracy outweighs its lower energy."),
        ("0", "At τ = 0, accuracy does not count: the order is that of energy."),
    ],
)
def test_one_sentence_says_why_the_order_changes(client, board, weight, sentence):
    assert sentence in text(client.get("/", GREEN | {"accuracy_weight": weight}))


def test_the_sentence_compares_with_a_winner_that_has_no_greenness(client, board):
    EntryFactory(board=board, recipe__method__title="Blind", own_energy_j=1, inference_energy_j=0.0, quality=0.0)
    page = text(client.get("/", GREEN))
    assert "At τ = 1, Thrifty (75.0 %) beats Blind (0.0 %), the winner at τ = 0, whose accuracy is too low" in page


def test_figures_that_differ_little_show_their_difference(client):
    board = make_board(0)
    EntryFactory(board=board, recipe__method__title="A", own_energy_j=10_000, inference_energy_j=0.0, quality=0.75)
    EntryFactory(board=board, recipe__method__title="B", own_energy_j=10_001, inference_energy_j=0.0, quality=0.751)
    assert "it uses 1.000 times the energy, but (0.751/0.750)^1 ≈ 1.001." in text(client.get("/", GREEN))


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ("0", "accuracy does not count"),
        ("1", "1 % more accuracy is worth 1.0 % more energy"),
        ("5", "1 % more accuracy is worth 5.1 % more energy"),
        ("100", "1 % more accuracy is worth 170 % more energy"),
    ],
)
def test_a_weight_is_explained_as_an_exchange(client, board, weight, words):
    assert words in text(client.get("/", GREEN | {"accuracy_weight": weight}))


def test_winners_are_those_of_the_order(client, board):
    page = text(client.get("/", GREEN | {"accuracy_weight": "5"}))
    assert "Which entry is the greenest at τ = 5" in page
    assert "Which entry uses the least energy" in text(client.get("/"))


def test_a_lower_bound_of_energy_is_an_upper_bound_of_greenness(client, board):
    EntryFactory(
        board=board, own_energy_j=1000, inference_energy_j=0.0, quality=0.8, complete=False, provenance="missing"
    )
    page = client.get("/", GREEN | {"include_incomplete": "on"})
    assert column(page, "greenness")[0] == "≤ 100"


@pytest.mark.parametrize("value", ["-1", "abc", "1e9", "nan"])
def test_a_bad_weight_is_named_and_left_at_its_default(client, board, value):
    page = text(client.get("/", GREEN | {"accuracy_weight": value}))
    assert "“accuracy_weight” was reset to its default: must be a number from 0 to 100" in page
    assert "greenest at τ = 1 of" in page


def test_sorting_by_greenness(client, board):
    page = client.get("/", GREEN | {"accuracy_weight": "5", "sort": "greenness"})
    assert column(page, "method") == ["Thrifty", "Accurate", "Hopeless"]
    page = client.get("/", GREEN | {"accuracy_weight": "5", "sort": "-greenness"})
    assert column(page, "method") == ["Accurate", "Thrifty", "Hopeless"]
