"""Everything on the leaderboard can be reached and worked with the keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.boards import answered, make_varied_board, order, shown

FOCUSED = "document.activeElement.id || document.activeElement.name || document.activeElement.textContent.trim()"


@pytest.fixture
def board_page(page, live_server) -> Page:
    make_varied_board()
    page.goto("/")
    return page


def tab_to(page: Page, wanted: str, most: int = 60) -> None:
    """Press Tab until `wanted` (an id, a name or a text) has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == wanted:
            return
    raise AssertionError(f"{wanted} can't be reached with Tab")


def test_first_key_offers_to_skip_to_the_content(board_page):
    board_page.keyboard.press("Tab")
    skip = board_page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    board_page.keyboard.press("Enter")
    expect(board_page.locator("main")).to_be_focused()


def test_arrow_keys_move_the_slider_and_the_order(board_page):
    board_page.goto("/?min_quality=0")
    first = order(board_page)
    tab_to(board_page, "usage_slider")
    slider, number = board_page.locator("#usage_slider"), board_page.locator("#usage_intensity")
    board_page.keyboard.press("ArrowRight")
    expect(number).to_have_value("1020000")
    expect(slider).to_have_attribute("aria-valuetext", "1.02\u00a0million images")
    board_page.keyboard.press("ArrowLeft")
    expect(number).to_have_value("1000000")
    board_page.keyboard.press("End")
    expect(number).to_have_value("10000000000000")
    expect(board_page).to_have_url(
        "/?usage_intensity=10000000000000&min_quality=0"
    )  # written after the table is drawn
    last = order(board_page)
    assert last != first
    board_page.keyboard.press("Home")
    expect(number).to_have_value("1")
    expect(slider).to_have_attribute("aria-valuetext", "1 image")
    expect(board_page).to_have_url("/?usage_intensity=1&min_quality=0")
    assert shown(board_page) == answered(board_page, "/?usage_intensity=1&min_quality=0")
    assert order(board_page) not in (first, last)


def test_filters_and_quality_floor(board_page):
    tab_to(board_page, "min_quality")
    board_page.keyboard.type("0.9")
    tab_to(board_page, "search")
    board_page.keyboard.type("e")
    tab_to(board_page, "order_by")
    board_page.keyboard.press("ArrowDown")
    tab_to(board_page, "Filters")
    board_page.keyboard.press("Enter")
    tab_to(board_page, "family")
    board_page.keyboard.press("Space")
    wanted = "min_quality=0.9&search=e&order_by=greenness&family=compact"
    expect(board_page).to_have_url(f"/?{wanted}")
    assert shown(board_page) == answered(board_page, f"/?{wanted}")


def test_focus_stays_on_an_entry_and_opens_it(board_page):
    name = board_page.locator("#rows a").first.inner_text()
    for _ in range(80):
        board_page.keyboard.press("Tab")
        if board_page.evaluate("document.activeElement.dataset.slot") == "method":
            break
    assert board_page.evaluate("document.activeElement.textContent") == name
    outline = board_page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    board_page.keyboard.press("Enter")
    expect(board_page).to_have_url(re.compile(r"/entries/\d+/"))
    expect(board_page.get_by_role("heading", level=1)).to_have_text(name)
