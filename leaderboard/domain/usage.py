"""Usage intensity N: how many inferences (images) a model serves over its whole life."""

import math
import re
from dataclasses import dataclass

MAX_USAGE_INTENSITY = 1e15
ALLOWED_USAGE_INTENSITY = "a number above 0, at most 1e15"
SECONDS_PER_YEAR = 365.25 * 86_400

# ASCII digits only: float() would also take "1_000", "nan", "infinity" and other alphabets' digits.
_NUMBER = re.compile(r"\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class UsagePreset:
    """A usage intensity with a name; `usage_intensity` is in images."""

    slug: str
    name: str
    usage_intensity: float


USAGE_PRESETS = (
    UsagePreset("prototype", "A prototype", 1e3),
    UsagePreset("one-shop", "One shop", 1e6),
    UsagePreset("app", "An app", 1e8),
    UsagePreset("city-cameras", "A city's cameras", 1e10),
    UsagePreset("web-scale", "Web scale", 1e12),
)


def check_usage_intensity(usage_intensity: float) -> float:
    """Return `usage_intensity` (images); ValueError unless it is above 0 and at most 1e15."""
    if not 0 < usage_intensity <= MAX_USAGE_INTENSITY:
        raise ValueError(f"usage_intensity is {usage_intensity!r}, but must be {ALLOWED_USAGE_INTENSITY}")
    return usage_intensity


def check_shared_by(shared_by: float) -> float:
    """Return `shared_by`, the K deployments that share search and pretrain; ValueError below 1."""
    if not 1 <= shared_by < math.inf:
        raise ValueError(f"shared_by is {shared_by!r}, but must be a finite number, at least 1")
    return shared_by


def check_min_quality(min_quality: float | None) -> float | None:
    """Return the quality floor, None for no floor; ValueError unless it is finite."""
    if min_quality is not None and not math.isfinite(min_quality):
        raise ValueError(f"min_quality is {min_quality!r}, but must be a finite number, or left out")
    return min_quality


def parse_usage_intensity(text: str) -> float:
    """Read a usage intensity (images) as people write it: "1e6", "1000000" or "3.4e6".

    Raises ValueError, with the text given and what is allowed, for anything but a decimal number above 0 and
    at most 1e15.
    """
    stripped = text.strip()
    number = float(stripped) if _NUMBER.fullmatch(stripped) else math.nan
    if not 0 < number <= MAX_USAGE_INTENSITY:
        shown = stripped if len(stripped) <= _SHOWN_CHARACTERS else stripped[:_SHOWN_CHARACTERS] + "…"
        raise ValueError(f"usage_intensity is {shown!r}, but must be {ALLOWED_USAGE_INTENSITY}")
    return number


def usage_intensity_from_rate(images_per_second: float, years: float) -> float:
    """Usage intensity (images) of a steady rate (1/s) over a lifetime (Julian years of 365.25 days).

    Raises ValueError if rate or lifetime is not above 0 and finite, or if their product is above 1e15.
    """
    for name, value in (("images_per_second", images_per_second), ("years", years)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name} is {value!r}, but must be a finite number above 0")
    return check_usage_intensity(images_per_second * years * SECONDS_PER_YEAR)
