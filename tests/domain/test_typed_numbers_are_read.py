"""Numbers are read as people write them, and what is ambiguous or no number is refused and says why.

The browser is held to the same vectors in tests/browser/test_browser_ranks_as_python_does.py.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.domain.typed_number import Unreadable, read_number
from leaderboard.presentation.format import images

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "typed_numbers.json").read_text("utf-8"))
CASES = [
    pytest.param(text, expected, rule.endswith("decimal_comma"), id=f"{rule}: {text!a}")
    for rule, cases in VECTORS.items()
    if rule != "about"
    for text, expected in cases
]


@pytest.mark.parametrize(("text", "expected", "decimal_comma"), CASES)
def test_vector(text, expected, decimal_comma):
    if isinstance(expected, str):
        with pytest.raises(Unreadable) as refused:
            read_number(text, decimal_comma=decimal_comma)
        assert refused.value.why == expected
    else:
        assert read_number(text, decimal_comma=decimal_comma) == expected


@given(st.integers(1, 10**15), st.sampled_from([",", ".", " ", "'", "’", "\u00a0", "\u202f"]))
def test_a_whole_number_is_read_with_any_mark_between_its_thousands(number, mark):
    if mark == "." and 10**3 <= number < 10**6:
        return  # one point is decimal
    assert read_number(f"{number:,}".replace(",", mark)) == number


@given(st.floats(1, 999e12))
def test_the_words_that_the_site_writes_are_read_back(number):
    assert read_number(images(number)) == pytest.approx(number, rel=0.006)


@given(st.text(alphabet="0123456789.,' e+-kmbx^*⁶", max_size=90))
def test_any_text_is_a_number_or_refused(text):
    with suppress(Unreadable):
        assert isinstance(read_number(text), float)
