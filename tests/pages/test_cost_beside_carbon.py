"""Energy has its cost once the reader has a price, on the board, an entry and a comparison; without one, none."""

import pytest
from django.urls import reverse

from tests.factories import EntryFactory, make_board
from tests.pages.reading import rows, text

pytestmark = pytest.mark.django_db
KWH = 3.6e6
OWN = {"price_per_kwh": "0,25", "currency": "kr", "pue": "2"}


def heads(page):
    return [column["key"] for column in page.context["columns"] if column["is_chosen"]]


def test_the_board_charges_the_readers_price(client):
    EntryFactory(own_energy_j=8 * KWH, inference_energy_j=0.0)
    page = client.get("/", OWN)
    assert rows(page)[0]["cost"] == "4.00\u00a0kr"
    assert "0.250 kr/kWh" in text(page)
    assert rows(client.get("/", {"price_per_kwh": "0"}))[0]["cost"] == "0"


def test_a_regions_price_has_its_source_and_period(client):
    EntryFactory(own_energy_j=10 * KWH, inference_energy_j=0.0)
    page = client.get("/", {"price_region": "finland"})
    assert rows(page)[0]["cost"] == "0.939\u00a0EUR"
    assert "Eurostat" in text(page)
    assert "Finland, first half of 2024" in text(page)
    own = client.get("/", {"price_region": "finland", "price_per_kwh": "1"})
    assert rows(own)[0]["cost"] == "10.0"
    assert "Price: Eurostat" not in text(own)


def test_without_a_price_there_is_no_cost_and_never_zero(client):
    entry, other = make_board(2).entries.all()
    board = client.get("/")
    assert "cost" not in heads(board)
    assert "cost" not in rows(board)[0]
    for page in (client.get(entry.get_absolute_url()), client.get(f"/compare/?entry={entry.pk}&entry={other.pk}")):
        assert "Cost" not in text(page)
        assert "Carbon" in text(page)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("price_region", "atlantis"),
        ("price_per_kwh", "1,500"),
        ("price_per_kwh", "-1"),
        ("currency", "E1"),
        ("currency", "x" * 13),
    ],
)
def test_what_is_no_price_is_named_and_charges_nothing(client, parameter, value):
    make_board(2)
    page = client.get("/", {parameter: value})
    assert f"“{parameter}” was reset to its default" in text(page)
    assert "cost" not in heads(page)
    refused = client.get("/api/v1/leaderboard", {parameter: value})
    assert refused.status_code == 400  # the API computes no cost
    assert refused.json()["errors"][0]["field"] == parameter


def test_an_entry_and_a_comparison_show_both(client):
    entry = EntryFactory(own_energy_j=8 * KWH, inference_energy_j=0.0)
    bound = EntryFactory(board=entry.board, own_energy_j=4 * KWH, complete=False, provenance="missing")
    asked = OWN | {"region": "norway"}
    page = text(client.get(entry.get_absolute_url(), asked))
    assert "Carbon 475 g CO₂-equivalent, Norway, 29.66 g/kWh, PUE 2; Ember" in page
    assert "Cost 4.00 kr 0.250 kr/kWh, PUE 2, your price" in page
    published = client.get(entry.get_absolute_url(), {"price_region": "virginia"})
    assert 'href="https://www.eia.gov/' in published.content.decode()
    compared = text(client.get(reverse("compare"), asked | {"entry": [entry.pk, bound.pk]}))
    assert "Carbon 475 g ≥ 237 g Cost 4.00 kr ≥ 2.00 kr" in compared


def test_links_and_forms_carry_grid_and_price(client):
    entry, other, *_ = make_board(3).entries.all()
    asked = {"region": "norway", "price_per_kwh": "0.25", "currency": "€"}
    carried = "region=norway&amp;price_per_kwh=0.25&amp;currency=%E2%82%AC"
    assert f'href="{entry.get_absolute_url()}?{carried}"' in client.get("/", asked).content.decode()
    page = client.get(entry.get_absolute_url(), asked).content.decode()
    assert f'href="{other.get_absolute_url()}?{carried}"' in page
    assert f"/models/?entry={entry.pk}&amp;{carried}" in page
    compared = client.get(f"/compare/?entry={entry.pk}&entry={other.pk}", asked | {"entry": [entry.pk, other.pk]})
    assert f'href="{entry.get_absolute_url()}?{carried}"' in compared.content.decode()
    assert '<input type="hidden" name="region" value="norway">' in compared.content.decode()
