"""How figures are written. `static/leaderboard/format.js` does the same; tests/vectors/format.json checks both.

Rounding is half up on the exact binary value, which is what JavaScript's toExponential and toFixed do, and units are
chosen after rounding, so that 999.7 J is "1.00 kJ". None is unknown and is written as a dash; zero was measured.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leaderboard.models import Entry

UNKNOWN = "—"
# The weakest provenance of the figures as a phrase, for places without a legend.
PROVENANCE_WORDS = {
    "metered": "metered",
    "extrapolated": "extrapolated from a metered window",
    "reported": "partly reported by the submitter",
    "estimated": "estimated",
    "missing": "a lower bound",
}
TONNE_FROM_KG = 999.5  # with three digits that is a tonne
LEAST_IN_WORDS = 999_500.0  # with three digits that is a million
SPACE = "\u00a0"  # a figure and its unit stay on one line
_PREFIXES = {-5: "f", -4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T", 5: "P", 6: "E"}
_PREFIXES |= {7: "Z", 8: "Y"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_COUNT_WORDS = {2: "million", 3: "billion", 4: "trillion", 5: "quadrillion"}


def _significant(value: float, digits: int = 3) -> tuple[str, int]:
    """The first digits of a positive value, rounded, and the decimal exponent of the first of them."""
    exact = Decimal(value)
    exponent = exact.adjusted()
    rounded = exact.scaleb(digits - 1 - exponent).to_integral_value(ROUND_HALF_UP)
    if rounded.adjusted() == digits:  # 9.996 became 10.0
        return "1" + "0" * (digits - 1), exponent + 1
    return str(int(rounded)), exponent


def _point(digits: str, exponent: int) -> str:
    """`digits` as a decimal number whose first digit counts 10**exponent."""
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    if exponent >= len(digits) - 1:
        return digits + "0" * (exponent - len(digits) + 1)
    return f"{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


def _without_trailing_zeros(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _grouped(number: str) -> str:
    whole, dot, fraction = number.partition(".")
    return f"{int(whole):,}{dot}{fraction}"


def si(value: float | None, unit: str = "") -> str:
    """Three significant digits with an SI prefix: 12345 as "12.3 k"."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return f"0{SPACE}{unit}" if unit else "0"
    sign = "−" if value < 0 else ""
    digits, exponent = _significant(abs(value))
    step = max(min(_PREFIXES), min(max(_PREFIXES), exponent // 3))
    suffix = _PREFIXES[step] + unit
    return (
        f"{sign}{_point(digits, exponent - 3 * step)}{SPACE}{suffix}" if suffix else sign + _point(digits, exponent)
    )


def number(value: float | None, digits_shown: int = 3) -> str:
    """A positive figure without a unit, three significant digits: "0.812", "12,300", "8.12 × 10⁻⁷"."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    digits, exponent = _significant(value, digits_shown)
    if -4 <= exponent < 6:
        return _grouped(_point(digits, exponent))
    power = str(exponent).translate(_SUPERSCRIPTS)
    return f"{_point(digits, 0)}{SPACE}×{SPACE}10{power}"


def weight(value: float) -> str:
    """The τ of greenness, at most six significant digits: "5", "0.5"."""
    return "0" if value == 0 else _without_trailing_zeros(_point(*_significant(value, 6)))


def per_megajoule(per_joule: float | None) -> str:
    """Greenness given per joule: "0.812 per MJ"."""
    return UNKNOWN if per_joule is None else f"{number(per_joule * 1e6)}{SPACE}per{SPACE}MJ"


def joules(value: float | None) -> str:
    """Energy given in joules: "12.3 kJ"."""
    return si(value, "J")


def watt_hours(value: float | None) -> str:
    """Energy given in joules, as watt hours: "3.42 kWh"."""
    return si(None if value is None else value / 3600, "Wh")


def count(value: float | None) -> str:
    """Images in words: "20,000", "3.4 million", "1 trillion"."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    digits, exponent = _significant(value)
    step = min(max(_COUNT_WORDS), exponent // 3)
    if step < min(_COUNT_WORDS):
        return _grouped(_without_trailing_zeros(_point(digits, exponent)))
    number = _grouped(_without_trailing_zeros(_point(digits, exponent - 3 * step)))
    return f"{number}{SPACE}{_COUNT_WORDS[step]}"


def images(value: float | None) -> str:
    """A number of images with its noun: "1 image", "3.4 million images"."""
    number = count(value)
    return f"{number} image" if number == "1" else f"{number} images"


def fixed(value: float, decimals: int) -> str:
    """So many decimals: "0.812"."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def percent(value: float | None) -> str:
    """A quality, given as a fraction: "97.2 %"."""
    return UNKNOWN if value is None else f"{fixed(value * 100, 1)}{SPACE}%"


def floor_percent(value: float) -> str:
    """A quality floor, given as a fraction, at most six significant digits: "75 %", "70.1 %"."""
    return f"{weight(value * 100)}{SPACE}%"


def share(value: float | None) -> str:
    """A part of a whole, given as a fraction, in whole per cent; never rounded to 0 % or 100 %."""
    if value is None:
        return UNKNOWN
    if 0 < value < 0.01:
        return f"<{SPACE}1{SPACE}%"
    if 0.99 < value < 1:
        return f">{SPACE}99{SPACE}%"
    return f"{fixed(value * 100, 0)}{SPACE}%"


def signed_per_cent(value: float) -> str:
    """A relative difference, given as a fraction: "+1.8 %", "−12.0 %"."""
    words = fixed(abs(value) * 100, 1)
    sign = "" if words == "0.0" else "−" if value < 0 else "+"
    return f"{sign}{words}{SPACE}%"


def width(value: float) -> str:
    """A part of a bar, given as a fraction, for a style: "41.27%"."""
    return f"{fixed(value * 100, 2)}%"


def relative(u95: float | None, value: float) -> str:
    """Uncertainty as a part of its value, two significant digits: "± 2.1 %". No uncertainty known: "± —"."""
    if not u95 or value <= 0:
        return f"±{SPACE}{UNKNOWN}"
    digits, exponent = _significant(u95 / value * 100, 2)
    return f"±{SPACE}{_point(digits, exponent)}{SPACE}%"


def carbon(value: float | None) -> str:
    """CO2-equivalent given in kilograms: "12.3 g", "4.56 kg", and in tonnes from one on: "7.89 t", "1.20 kt"."""
    if value is None:
        return UNKNOWN
    return si(value * 1000, "g") if value < TONNE_FROM_KG else si(value / 1000, "t")


def cost(value: float, currency: str) -> str:
    """Money, three significant digits: "0.0123 EUR", "12,300 kr", "1.23 million USD", without a currency "12.3"."""
    amount = number(value) if value < LEAST_IN_WORDS else count(value)
    return f"{amount}{SPACE}{currency}" if currency else amount


def milliseconds(value: float | None) -> str:
    """A latency given in milliseconds, three significant digits: "4.20 ms", "1.50 s"."""
    return si(None if value is None else value / 1000, "s")


def sample(mode: str, data: str) -> str:
    """How much of a recipe was run: "sampled", "sampled on synthetic images"; empty if all of it was."""
    if mode == "full":
        return ""
    return "sampled on synthetic images" if data == "synthetic" else "sampled"


def provenance_words(entry: Entry) -> str:
    """The weakest provenance of an entry's figures, and whether they are sampled, for places without a legend."""
    words = (PROVENANCE_WORDS.get(entry.provenance, entry.provenance), sample(entry.mode, entry.data))
    return ", ".join(word for word in words if word)


def seconds(value: float | None) -> str:
    """A duration: "4.2 s", "3 min 20 s", "2 h 5 min"."""
    if value is None:
        return UNKNOWN
    if value < 60:
        return f"{fixed(value, 1)}{SPACE}s"
    whole = int(value)
    if whole < 3600:
        return f"{whole // 60}{SPACE}min {whole % 60}{SPACE}s"
    return f"{whole // 3600}{SPACE}h {whole % 3600 // 60}{SPACE}min"


def words(value: str) -> str:
    """A name from the schema as people write it: "single_stream" as "single stream"."""
    return str(value).replace("_", " ")
