"""docs/threat-model.md names for each boundary what could cross it, what holds it, and a test that is there."""

import pytest

from tests.docs.reading import DOCS, ROOT, names, rows, sections

PARTS = {title: rows(text) for title, text in sections(DOCS / "threat-model.md").items() if title != "Threat model"}


@pytest.mark.parametrize("title", PARTS)
def test_each_boundary_has_tests_that_are_there(title: str) -> None:
    assert PARTS[title], "a boundary without a row"
    for crossing, held_by, tests in PARTS[title]:
        assert crossing, title
        assert held_by, crossing
        named = names(tests)
        assert named, f"{crossing}: name the test that proves it"
        assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_boundaries_are_all_there() -> None:
    words = " ".join(PARTS).lower()
    for part in ("browser", "token", "uploads", "child", "webhooks", "log", "database", "broker", "backups"):
        assert part in words
