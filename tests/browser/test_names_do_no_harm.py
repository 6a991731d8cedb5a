"""Whatever a submitter calls a method, it is shown as written, in place, and runs nothing."""

from __future__ import annotations

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from leaderboard.models import Entry
from tests.browser.reader import DESK, PHONE
from tests.factories import RunFactory, make_board, make_verified_entry

NAMES = {
    "script": "<script>window.harmed = 1</script>",
    "image": '"><img src=x onerror="window.harmed = 1">',
    "template": "{{ 7 * 7 }} ${window.harmed = 1} %{x} <b>bold</b> &amp;",
    "right to left": "שלום עולם, רשת קטנה",
    "arabic": "شبكة صغيرة ٤٢",
    "emoji": "🌱 tiny 👩‍🔬 net 🇳🇴",
    "long": "x" * 120,
    "long words": " ".join(["Antidisestablishmentarianism"] * 4),
    "override": "net \u202egnitset\u202c",
}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def entries(live_server) -> dict[str, Entry]:
    """An entry of every name, on one board, and a run of it under way."""
    with transaction.atomic():
        board = make_board(2)
        made = {}
        for position, name in enumerate(NAMES.values(), start=1):
            own_energy_j = 10.0**-position
            made[name] = make_verified_entry(board, recipe__method__title=name, own_energy_j=own_energy_j)
            RunFactory(submission__recipe__method__title=name, submission__hardware=board.hardware)
    return made


def assert_harmless(page: Page, where: str) -> None:
    assert page.evaluate("window.harmed") is None, where
    assert page.evaluate(OVERFLOW) <= 0, f"{where} scrolls sideways"


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_lists_show_names_as_written(open_reader, entries, size):
    reader = open_reader(viewport=size)
    numbers = "&".join(f"entry={entry.pk}" for entry in list(entries.values())[:6])
    lists = {"/": ("#rows a", 9), "/queue/": ("tbody a", 9), f"/compare/?{numbers}": ("thead a", 6)}
    for address, (where, expected) in lists.items():
        reader.open(address)
        assert len(set(reader.page.locator(where).all_text_contents()) & set(NAMES.values())) == expected, address
        assert_harmless(reader.page, address)


def test_own_pages_show_names_as_written(open_reader, entries):
    reader = open_reader(viewport=PHONE)
    for name, entry in entries.items():
        for address in (entry.get_absolute_url(), entry.run.submission.get_absolute_url()):
            reader.open(address)
            assert reader.page.locator("h1").text_content() == name
            assert_harmless(reader.page, f"{address} of {name}")


def test_script_redraws_names_as_written(reader, entries):
    page = reader.page
    reader.open("/")
    page.locator("#energy-chart").scroll_into_view_if_needed()
    page.locator("#energy-chart .main-svg").first.wait_for()
    for name, entry in entries.items():
        page.locator("#search").fill(entry.recipe.sha256)
        for where in ("#rows a", "#summary a", "#crossings a"):
            expect(page.locator(where)).to_have_text([name])
    page.locator("#search").fill("")
    expect(page.locator("#rows tr")).to_have_count(11)
    page.wait_for_load_state("networkidle")
    assert page.locator("#energy-chart").locator("img, b, script").count() == 0
    assert_harmless(page, "/")


def test_charts_of_compared_entries_show_names_as_written(open_reader, entries):
    reader = open_reader()
    page = reader.page
    shown = list(entries.values())
    for some in (shown[:6], shown[3:]):
        address = "/compare/?" + "&".join(f"entry={entry.pk}" for entry in some)
        reader.open(address)
        for name in ("lines-chart", "phases-chart"):
            page.locator(f"#{name}").scroll_into_view_if_needed()
            page.locator(f"#{name} .main-svg").first.wait_for()
        titles = [entry.recipe.method.title for entry in some]
        expected = {title if len(title) <= 40 else f"{title[:39]}…" for title in titles}
        drawn = set(page.locator("#lines-chart .legendtext").all_text_contents())
        assert {_spaced(title) for title in expected} <= {_spaced(title) for title in drawn}
        assert page.locator(".chart").locator("img, b, script").count() == 0
        assert_harmless(page, address)


def _spaced(text: str) -> str:
    return " ".join(text.split())
