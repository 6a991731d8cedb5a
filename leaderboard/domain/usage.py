"""Usage intensity N: how many inferences (images) a model serves over its whole life."""

import math
from dataclasses import dataclass

from leaderboard.domain.typed_number import Unreadable, read_number, shortened

MAX_USAGE_INTENSITY = 1e15
ALLOWED_USAGE_INTENSITY = "a number above 0, at most 1e15, such as 2,000,000, 3 million or 1e6"
SECONDS_PER_YEAR = 365.25 * 86_400
# Seconds of what a rate is per; a month is a twelfth of a year.
RATE_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0, "month": SECONDS_PER_YEAR / 12}


@dataclass(frozen=True, slots=True)
class UsagePreset:
    """A usage intensity with a name, and what it stands for; `usage_intensity` is in images."""

    slug: str
    name: str
    usage_intensity: float
    stands_for: str


USAGE_PRESETS = (
    UsagePreset("prototype", "A prototype", 1e3, "a demonstration that looks at a thousand images"),
    UsagePreset("one-shop", "One shop", 1e6, "a camera in a shop that looks once a minute for two years"),
    UsagePreset(
        "app", "A phone app", 1e8, "an app with 10,000 users, each of whom takes ten photos a day for three years"
    ),
    UsagePreset("city-cameras", "A city's cameras", 1e10, "300 cameras that look once a second for a year"),
    UsagePreset("web-scale", "Web scale", 1e12, "a service with 10,000 requests a second for three years"),
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
    """Read a usage intensity (images) as people write it: "2,000,000", "3 million" or "3.4e6".

    Raises ValueError, with the text given, why it can't be read and what is allowed, for anything but a number above
    0 and at most 1e15.
    """
    why = ""
    try:
        number = read_number(text)
    except Unreadable as refused:
        number, why = math.nan, f" ({refused.why})" if refused.why else ""
    if not 0 < number <= MAX_USAGE_INTENSITY:
        raise ValueError(f"usage_intensity is {shortened(text)!r}{why}, but must be {ALLOWED_USAGE_INTENSITY}")
    return number


def usage_intensity_from_rate(images_per_second: float, years: float) -> float:
    """Usage intensity (images) of a steady rate (1/s) over a lifetime (Julian years of 365.25 days).

    Raises ValueError if rate or lifetime is not above 0 and finite, or if their product is above 1e15.
    """
    for name, value in (("images_per_second", images_per_second), ("years", years)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name} is {value!r}, but must be a finite number above 0")
    return check_usage_intensity(images_per_second * years * SECONDS_PER_YEAR)
