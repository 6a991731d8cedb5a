"""Carbon of energy: grid intensities by region, with the data's year and source."""

import math
from dataclasses import dataclass

JOULES_PER_KWH = 3.6e6
GRAMS_PER_KG = 1e3

SOURCE = "Ember, Yearly Electricity Data (2026), processed by Our World in Data"
SOURCE_URL = "https://ourworldindata.org/grapher/carbon-intensity-electricity"
_YEAR = 2024  # the newest year that the 2026 edition has for every region below


@dataclass(frozen=True, slots=True)
class GridRegion:
    """A region's lifecycle carbon intensity of electricity generation, in grams of CO2-equivalent per kWh."""

    slug: str
    name: str
    intensity_g_per_kwh: float
    year: int
    source: str


GRID_REGIONS = tuple(
    GridRegion(slug, name, intensity_g_per_kwh, _YEAR, SOURCE)
    for slug, name, intensity_g_per_kwh in (
        ("world", "World average", 471.08),
        ("australia", "Australia", 553.83),
        ("brazil", "Brazil", 106.06),
        ("canada", "Canada", 185.35),
        ("china", "China", 555.40),
        ("finland", "Finland", 66.63),
        ("france", "France", 40.48),
        ("germany", "Germany", 336.38),
        ("india", "India", 705.40),
        ("ireland", "Ireland", 270.91),
        ("italy", "Italy", 281.40),
        ("japan", "Japan", 483.43),
        ("netherlands", "Netherlands", 250.72),
        ("norway", "Norway", 29.66),
        ("singapore", "Singapore", 498.74),
        ("south-africa", "South Africa", 717.36),
        ("south-korea", "South Korea", 415.51),
        ("spain", "Spain", 146.22),
        ("sweden", "Sweden", 34.91),
        ("switzerland", "Switzerland", 34.58),
        ("united-kingdom", "United Kingdom", 216.50),
        ("united-states", "United States", 383.78),
    )
)
_REGION_BY_SLUG = {region.slug: region for region in GRID_REGIONS}


def grid_region(slug: str) -> GridRegion:
    """Return the region of that slug; ValueError that lists the regions."""
    if slug not in _REGION_BY_SLUG:
        raise ValueError(f"region is {slug!r}, but must be one of {', '.join(_REGION_BY_SLUG)}")
    return _REGION_BY_SLUG[slug]


def carbon_kg(energy_j: float, pue: float, intensity_g_per_kwh: float) -> float:
    """Kilograms of CO2-equivalent: E · PUE · grid intensity, E in joules at the equipment.

    `pue` is the data centre's power usage effectiveness, total over IT energy (ISO/IEC 30134-2). Raises
    ValueError for a PUE below 1 and for anything negative or not finite.
    """
    if not 1 <= pue < math.inf:
        raise ValueError(f"pue is {pue!r}, but must be a finite number, at least 1")
    for name, value in (("energy_j", energy_j), ("intensity_g_per_kwh", intensity_g_per_kwh)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value!r}, but must be a finite number, at least 0")
    return energy_j / JOULES_PER_KWH * pue * intensity_g_per_kwh / GRAMS_PER_KG
