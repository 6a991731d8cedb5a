"""Quality as people type it, and who evaluated it."""

import re
from decimal import Decimal

from leaderboard.domain.typed_number import shortened

ALLOWED_QUALITY = "a number from 0 to 1, or per cent from 0 to 100: 0.75, 75 or 75 %"

# ASCII digits only, as for a usage intensity; a decimal comma is a point. Twin of static/leaderboard/quality.js.
_TYPED = re.compile(r"\+?(\d+(?:[.,]\d*)?|[.,]\d+)(?:e([+-]?\d{1,3}))?\s*(%|per ?cent)?", re.ASCII | re.IGNORECASE)

# Who evaluated a quality: a key, in the order of trust, and what it means.
QUALITY_BY = {
    "evaluated": "evaluated by this site's worker, on the weights that the recipe trained",
    "supplied": "evaluated by this site's worker, on the submitter's weights",
    "published": "published by others",
    "reported": "reported by the submitter",
}


def quality_by(source: str, quality_provenance: str, submitters_weights: bool) -> str:
    """Who evaluated an entry's quality: a key of QUALITY_BY."""
    if source == "published":
        return "published"
    if quality_provenance == "reported":
        return "reported"
    return "supplied" if submitters_weights else "evaluated"


def parse_quality(text: str) -> float:
    """Read a quality as people write it, as a fraction: "0.75", "75" and "75 %" are the same.

    A number above 1 is per cent, one up to 1 a fraction unless it has a sign: "1" is all, "1 %" a hundredth.
    Raises ValueError, with what is allowed, for anything else, and outside 0 to 1.
    """
    stripped = text.strip()
    found = _TYPED.fullmatch(stripped.replace("\u00a0", " ").replace("\u202f", " "))
    refused = ValueError(f"is {shortened(text)!r}, but must be {ALLOWED_QUALITY}")
    if found is None:
        raise refused
    digits, exponent, sign = found.groups()
    value = Decimal(digits.replace(",", ".")).scaleb(int(exponent or 0))
    # The decimal point is moved, not divided by: 70.1 % is the same number as 0.701.
    fraction = value.scaleb(-2) if sign or value > 1 else value
    if fraction > 1:  # before it is rounded to the nearest float
        raise refused
    return float(fraction)


def typed_percent(quality: float | None) -> str:
    """A quality as it is typed: "75 %", "70.1 %"; empty for None."""
    if quality is None:
        return ""
    percent = Decimal(repr(quality)).scaleb(2)
    return f"{percent.normalize():f} %"
