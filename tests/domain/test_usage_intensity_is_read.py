"""Usage intensity is read as people write it, and anything else is refused in words that help."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.domain.usage import (
    MAX_USAGE_INTENSITY,
    USAGE_PRESETS,
    parse_usage_intensity,
    usage_intensity_from_rate,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e6", 1e6),
        ("1000000", 1e6),
        ("3.4e6", 3.4e6),
        ("3.4E+6", 3.4e6),
        (" 1e6\n", 1e6),
        ("+5", 5.0),
        (".5", 0.5),
        ("1e15", 1e15),
        ("2,000,000", 2e6),
        ("1 quadrillion", 1e15),
    ],
)
def test_numbers_are_read(text, expected):
    assert parse_usage_intensity(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "",
        " ",
        "0",
        "0.0",
        "-1",
        "1e400",
        "1e-400",
        "nan",
        "inf",
        "infinity",
        "1.1e15",
        "1_000",
        "5 zillion",
        "2 quadrillion",
        "1e6; drop",
        "0x10",
        "١٢",
        "1e",
        "e6",
        ".",
    ],
)
def test_everything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"usage_intensity is .* a number above 0, at most 1e15"):
        parse_usage_intensity(text)


def test_a_long_text_is_not_echoed_whole():
    with pytest.raises(ValueError, match="…") as caught:
        parse_usage_intensity("x" * 10_000)
    assert len(str(caught.value)) < 200


@given(st.floats(min_value=1e-300, max_value=MAX_USAGE_INTENSITY))
def test_what_python_prints_is_read_back(number):
    assert parse_usage_intensity(repr(number)) == number


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        assert 0 < parse_usage_intensity(text) <= MAX_USAGE_INTENSITY
    except ValueError as error:
        assert "usage_intensity" in str(error)  # noqa: PT017 - either outcome is right


def test_ten_images_a_second_for_two_years():
    assert usage_intensity_from_rate(10, 2) == 10 * 2 * 365.25 * 24 * 3600


@pytest.mark.parametrize(
    ("rate", "years", "name"),
    [(0, 1, "images_per_second"), (1, -1, "years"), (1, float("nan"), "years"), (1e12, 1, "usage_intensity")],
)
def test_an_impossible_rate_or_lifetime_is_refused(rate, years, name):
    with pytest.raises(ValueError, match=f"{name} is"):
        usage_intensity_from_rate(rate, years)


def test_presets_ascend_and_are_allowed():
    intensities = [preset.usage_intensity for preset in USAGE_PRESETS]
    assert intensities == sorted(intensities) == [1e3, 1e6, 1e8, 1e10, 1e12]


def test_presets_stand_for_what_they_say():
    a_year = usage_intensity_from_rate(1, 1)
    told = {
        "one-shop": a_year / 60 * 2,
        "app": a_year / 86_400 * 10_000 * 10 * 3,
        "city-cameras": 300 * a_year,
        "web-scale": 10_000 * a_year * 3,
    }
    for preset in USAGE_PRESETS:
        assert preset.usage_intensity == pytest.approx(told.get(preset.slug, 1e3), rel=0.1)
        assert preset.stands_for
