"""Rows are ticked for a comparison, which follows the slider, survives filters and orders, and is in the address."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from leaderboard import queries
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.presentation.format import joules
from tests.browser.boards import order
from tests.browser.reader import PHONE
from tests.browser.test_pages_suit_every_reader import AXE, OVERFLOW, RULES_OF_COLOURS
from tests.factories import make_board

SHIFT = """
() => new Promise((resolve) => {
  let shift = 0;
  const add = ({ hadRecentInput, value }) => (shift += hadRecentInput ? 0 : value);
  new PerformanceObserver((list) => list.getEntries().forEach(add)).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(shift)));
})
"""


@pytest.fixture
def board(live_server):
    return make_board(9)


def loaded(page: Page, address: str = "/") -> Page:
    page.goto(address)
    page.locator("#rows [tabindex='-1']").first.wait_for()
    return page


def chosen(page: Page) -> dict[int, str]:
    """The bar's entries with their energies."""
    found = page.locator("#choice-list li").evaluate_all(
        "items => items.map((item) => [Number(item.dataset.entry), item.querySelector('strong').textContent])"
    )
    return dict(found)


def energies(entries: list[int], usage_intensity: float) -> dict[int, str]:
    ranked = queries.ranked_board(LeaderboardQuery(usage_intensity=usage_intensity)).find(entries)
    return {entry: joules(ranked[entry].place.energy_j) for entry in entries}


def test_ticks_follow_the_reader_and_open_the_comparison(page, board):
    loaded(page)
    entries = order(page)
    first = page.get_by_role("checkbox", name="Compare ").first
    expect(page.locator("#compare-form")).to_be_hidden()
    # By keyboard: from checkbox to checkbox.
    first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    wanted = [entries[0], entries[2]]
    expect(page).to_have_url(f"/?chosen={wanted[0]}%2C{wanted[1]}")
    expect(page.locator("#choice-words")).to_have_text("2 of 6 chosen")
    assert chosen(page) == energies(wanted, 1e6)

    page.locator("#usage_slider").fill("11")
    expect(page).to_have_url(re.compile("usage_intensity=100000000000"))
    assert chosen(page) == energies(wanted, 1e11)
    # Those that a filter hides stay chosen; in another order the same rows are ticked.
    page.locator("#search").fill("no such name")
    expect(page.locator("#rows tr")).to_have_count(0)
    assert list(chosen(page)) == wanted
    page.locator("#search").fill("")
    page.locator("#sort").evaluate(
        "menu => { menu.value = '-energy'; menu.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    expect(page.locator("#rows tr")).to_have_count(9)
    # Once the order is drawn: a row that waits to be clicked would meanwhile become another entry's.
    most = queries.ranked_board(LeaderboardQuery(usage_intensity=1e11)).rows[-1].entry.pk
    expect(page.locator("#rows tr").first).to_have_attribute("data-entry", str(most))
    ticked = "boxes => boxes.filter((box) => box.checked).map((box) => Number(box.value)).sort()"
    assert page.locator("#rows [name=entry]").evaluate_all(ticked) == sorted(wanted)

    # No seventh; and a reload keeps the six.
    for entry in [entry for entry in entries if entry not in wanted][:5]:
        page.locator(f"#rows [name=entry][value='{entry}']").click()
    expect(page.locator("#choice-words")).to_have_text("At most 6 can be compared: remove one first.")
    expect(page.locator("#rows [name=entry]:checked")).to_have_count(6)
    expect(page).to_have_url(re.compile(r"chosen=(\d+%2C){5}\d+$"))
    six = list(chosen(page))
    page.reload()
    assert list(chosen(page)) == six
    page.locator("#rows [tabindex='-1']").first.wait_for()
    page.get_by_role("link", name="Remove ").nth(2).click()
    expect(page.locator("#choice-list li")).to_have_count(5)
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("/compare/**")
    assert page.url.endswith(
        "?" + "&".join(f"entry={entry}" for entry in six if entry != six[2]) + "&usage_intensity=100000000000"
    )
    expect(page.locator(".compare thead th")).to_have_count(5)
    page.go_back()
    assert list(chosen(page)) == [entry for entry in six if entry != six[2]]


def test_the_bar_fits_a_phone(open_reader, board):
    page = open_reader(viewport=PHONE).page
    entries = list(board.entries.values_list("pk", flat=True))[:6]
    loaded(page, f"/?at=1e4&at=1e10&chosen={','.join(map(str, entries))}")
    expect(page.locator("#choice-words")).to_have_text("6 of 6 chosen")
    assert page.evaluate(OVERFLOW) <= 0
    assert page.evaluate(SHIFT) <= 0.02
    assert page.locator("#compare-form").bounding_box()["height"] < PHONE["height"] / 3
    heights = page.locator("#rows tr").evaluate_all("rows => rows.map((row) => row.scrollHeight - row.clientHeight)")
    assert max(heights) <= 0
    page.evaluate(AXE_SCRIPT)
    for look, rules in {"light": None, "dark": RULES_OF_COLOURS}.items():
        page.emulate_media(color_scheme=look)
        assert page.evaluate(AXE, rules) == [], look
    # What has the focus is never behind the bar.
    for _ in range(3):
        page.locator("#rows a").first.focus()
        page.keyboard.press("End")
    row = page.locator("#rows tr").last.bounding_box()
    assert row["y"] + row["height"] <= page.locator("#compare-form").bounding_box()["y"]


def test_without_javascript_it_is_a_form(plain, board):
    page = plain.page
    plain.open("/?usage_intensity=5000")
    for position in (0, 3):
        page.get_by_role("checkbox", name="Compare ").nth(position).check()
    entries = order(page)
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url(f"/compare/?entry={entries[0]}&entry={entries[3]}&usage_intensity=5000")
    expect(page.locator(".compare thead th")).to_have_count(2)
    plain.open("/")
    page.get_by_text("Ranks at other usage").click()
    page.get_by_label("10,000", exact=True).check()
    page.get_by_label("shares").check()
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile("bars=shares&at=10000"))
    expect(page.get_by_role("columnheader", name="At 10,000")).to_be_visible()
