"""docs/pages.md holds every page's name and address."""

import re

import pytest

from leaderboard.urls import urlpatterns
from tests.docs.reading import DOCS, names, rows, text_of

PATTERNS = {pattern.name: str(pattern.pattern) for pattern in urlpatterns if getattr(pattern, "name", None)}
TABLE = {names(row[0])[0]: row for row in rows(text_of(DOCS / "pages.md")) if names(row[0])}


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_page_is_there_with_its_address(name):
    assert name in TABLE
    address = "/" + re.sub(r"<\w+:(\w+)>", r"<\1>", PATTERNS[name]).replace("<pk>", "<id>")
    assert names(TABLE[name][1])[0].partition("?")[0] == address
    assert TABLE[name][2]


def test_no_page_is_documented_that_is_gone():
    assert set(TABLE) == set(PATTERNS)
