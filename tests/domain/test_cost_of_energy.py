"""Cost is E · PUE · price per kWh. A price is read as people write it; a published one names period and source."""

import math

import pytest

from leaderboard.domain.cost import PRICE_REGIONS, cost, parse_price


def test_two_kilowatt_hours_at_a_quarter_and_a_pue_of_1_5():
    assert cost(7.2e6, 1.5, 0.25) == pytest.approx(0.75)
    assert cost(7.2e6, 1.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((1.0, 0.9, 0.2), "pue"), ((-1.0, 1.0, 0.2), "energy_j"), ((1.0, 1.0, math.nan), "price_per_kwh")],
)
def test_impossible_figures_are_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=f"{name} is .* but must be a finite number"):
        cost(*arguments)


@pytest.mark.parametrize(
    ("text", "price"),
    [("0.25", 0.25), (" 0,3 ", 0.3), (".5", 0.5), ("2.", 2.0), ("0", 0.0), ("1234,5678", 1234.5678)],
)
def test_a_price_is_read_as_people_write_it(text, price):
    assert parse_price(text) == price


@pytest.mark.parametrize("text", ["1,500", "-1", "abc", "", "1e400", "٣", "0.25 EUR", "1000001", "9" * 400])
def test_what_is_no_price_is_refused_with_the_remedy(text):
    with pytest.raises(ValueError, match=r"price_per_kwh is .*(such as 0\.25|write it with a point)"):
        parse_price(text)


def test_every_published_price_is_plausible_and_sourced():
    slugs = [region.slug for region in PRICE_REGIONS]
    assert len(set(slugs)) == len(slugs)
    for region in PRICE_REGIONS:
        assert 0.03 < region.price_per_kwh < 0.6
        assert region.period[-4:].isdecimal()
        assert region.source_url.startswith("https://")
        assert len(region.currency) == 3
