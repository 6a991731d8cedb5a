"""What energy costs: published prices of electricity by region, each with its period and source, or a typed one."""

import math
import re
from dataclasses import dataclass

from leaderboard.domain.carbon import JOULES_PER_KWH

MAX_PRICE_PER_KWH = 1e6
MAX_CURRENCY_CHARACTERS = 12
ALLOWED_PRICE = "a price per kWh from 0 to 1e6, such as 0.25"
_NUMBER = re.compile(r"\d+([.,]\d*)?|[.,]\d+", re.ASCII)
_THOUSANDS = re.compile(r"\d+,\d{3}", re.ASCII)

_EUROSTAT = "Eurostat, Electricity price statistics (nrg_pc_205), non-household, without refundable taxes and VAT"
_EUROSTAT_URL = "https://ec.europa.eu/eurostat/statistics-explained/index.php?title=Electricity_price_statistics"
_EIA = "U.S. Energy Information Administration, Electric Power Annual, commercial customers"
_EIA_URL = "https://www.eia.gov/electricity/annual/secrev-map.php"


@dataclass(frozen=True, slots=True)
class PriceRegion:
    """The average price of a kWh that businesses of a region paid in a period, in `currency`."""

    slug: str
    name: str
    price_per_kwh: float
    currency: str
    period: str
    source: str
    source_url: str


PRICE_REGIONS = (
    PriceRegion("european-union", "European Union", 0.1902, "EUR", "first half of 2025", _EUROSTAT, _EUROSTAT_URL),
    PriceRegion("finland", "Finland", 0.0939, "EUR", "first half of 2024", _EUROSTAT, _EUROSTAT_URL),
    PriceRegion("ireland", "Ireland", 0.256, "EUR", "first half of 2024", _EUROSTAT, _EUROSTAT_URL),
    *(
        PriceRegion(slug, f"{name}, USA", cents_per_kwh / 100, "USD", "2023", _EIA, _EIA_URL)
        for slug, name, cents_per_kwh in (
            ("california", "California", 23.91),
            ("oregon", "Oregon", 9.92),
            ("texas", "Texas", 8.82),
            ("virginia", "Virginia", 8.95),
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Price:
    """What a kWh costs, and in which currency: a code, a sign, or nothing if the reader named none."""

    per_kwh: float
    currency: str


def parse_price(text: str) -> float:
    """Read a price per kWh as people write it, "0.25" or "0,25"; ValueError with the text and what is allowed."""
    stripped = text.strip()
    if _THOUSANDS.fullmatch(stripped):
        raise ValueError(f"price_per_kwh is {stripped[:40]!r}, which may be read in two ways; write it with a point")
    price = float(stripped.replace(",", ".")) if _NUMBER.fullmatch(stripped) else math.nan
    if not 0 <= price <= MAX_PRICE_PER_KWH:
        raise ValueError(f"price_per_kwh is {stripped[:40]!r}, but must be {ALLOWED_PRICE}")
    return price


def cost(energy_j: float, pue: float, price_per_kwh: float) -> float:
    """E · PUE · price per kWh, in the currency of the price; E in joules at the equipment.

    `pue` is the data centre's power usage effectiveness. Raises ValueError for a PUE below 1 and for anything
    negative or not finite.
    """
    if not 1 <= pue < math.inf:
        raise ValueError(f"pue is {pue!r}, but must be a finite number, at least 1")
    for name, value in (("energy_j", energy_j), ("price_per_kwh", price_per_kwh)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value!r}, but must be a finite number, at least 0")
    return energy_j / JOULES_PER_KWH * pue * price_per_kwh
