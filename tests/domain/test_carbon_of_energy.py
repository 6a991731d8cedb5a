"""Carbon is E · PUE · grid intensity, and every intensity names its year and source."""

import math

import pytest

from leaderboard.domain.carbon import GRID_REGIONS, carbon_kg, grid_region


def test_one_kilowatt_hour_at_400_grams_and_a_pue_of_1_5():
    assert carbon_kg(3.6e6, 1.5, 400) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((1.0, 0.9, 400.0), "pue"),
        ((1.0, math.nan, 400.0), "pue"),
        ((-1.0, 1.0, 400.0), "energy_j"),
        ((math.inf, 1.0, 400.0), "energy_j"),
        ((1.0, 1.0, -4.0), "intensity_g_per_kwh"),
    ],
)
def test_impossible_figures_are_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=f"{name} is .* but must be a finite number"):
        carbon_kg(*arguments)


def test_every_region_is_plausible_and_sourced():
    slugs = [region.slug for region in GRID_REGIONS]
    assert len(set(slugs)) == len(slugs)
    assert slugs[0] == "world"
    for region in GRID_REGIONS:
        assert 10 < region.intensity_g_per_kwh < 1500
        assert region.year >= 2020
        assert "Ember" in region.source


def test_a_region_is_found_by_slug_and_an_unknown_one_refused():
    assert grid_region("france").name == "France"
    with pytest.raises(ValueError, match="region is 'atlantis', but must be one of world, australia"):
        grid_region("atlantis")
