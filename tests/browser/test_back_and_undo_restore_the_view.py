"""Back and Undo lead to the view before: one entry of the history for each change that has settled."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.boards import make_varied_board, shown

MOVE_SLIDER = """
(values) => {
  const slider = document.getElementById("usage_slider");
  for (const value of values) {
    slider.value = value;
    slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
}
"""
RELEASE_SLIDER = "document.getElementById('usage_slider').dispatchEvent(new Event('change', { bubbles: true }))"

# Two controls within one frame, as on a busy machine.
MOVE_AND_SEARCH = """
() => {
  const slider = document.getElementById("usage_slider");
  slider.focus();
  slider.value = 9;
  slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
  const search = document.getElementById("search");
  search.focus();
  search.value = "v";
  search.dispatchEvent(new InputEvent("input", { bubbles: true }));
}
"""


@pytest.fixture
def board_page(page, live_server) -> Page:
    return opened(page)


def opened(page: Page) -> Page:
    make_varied_board()
    page.goto("/?min_quality=0")
    page.locator("#rows [tabindex='-1']").first.wait_for()
    return page


def entries_of(page: Page) -> int:
    return page.evaluate("history.length")


def test_back_goes_through_the_changes_one_by_one_and_forward_again(board_page):
    undo = board_page.get_by_role("button", name="Undo")
    expect(undo).to_be_hidden()
    start, views = entries_of(board_page), [shown(board_page)]
    changes = {
        "/?usage_intensity=1000000000&min_quality=0": lambda: board_page.locator("#usage_slider").fill("9"),
        "/?usage_intensity=1000000000&min_quality=0&search=varied": lambda: board_page.locator("#search").fill(
            "varied"
        ),
        "/?usage_intensity=1000000000&min_quality=0&region=norway&search=varied": lambda: (
            board_page.locator("#assumptions summary").click(),
            board_page.locator("#region").select_option("norway"),
        ),
        "/?usage_intensity=1000000000&min_quality=0&region=norway&search=varied&sort=-quality": lambda: (
            board_page.get_by_role("link", name="Quality", exact=True).click()
        ),
    }
    for address, change in changes.items():
        change()
        expect(board_page).to_have_url(address)
        views.append(shown(board_page))
    assert entries_of(board_page) == start + len(changes)

    addresses = ["/?min_quality=0", *changes]
    for address, view in list(zip(addresses, views, strict=True))[-2::-1]:
        board_page.go_back()
        expect(board_page).to_have_url(address)
        expect(board_page.locator("#rows tr")).to_have_count(len(view["rows"]))
        assert shown(board_page) == view
    expect(board_page.locator("#usage_slider")).to_have_value("6")
    expect(board_page.locator("#search")).to_have_value("")
    expect(board_page.locator("#grid-intensity")).to_contain_text("471")
    expect(undo).to_be_hidden()

    board_page.go_forward()
    expect(board_page).to_have_url(addresses[1])
    assert shown(board_page) == views[1]
    undo.click()
    expect(board_page).to_have_url(addresses[0])
    assert shown(board_page) == views[0]


def test_a_moving_slider_adds_no_entry_until_it_is_let_go(page, live_server):
    page.clock.install()
    board_page = opened(page)
    start = entries_of(board_page)
    board_page.evaluate(MOVE_SLIDER, ["7", "8", "9", "10"])
    expect(board_page).to_have_url("/?usage_intensity=10000000000&min_quality=0")  # the address follows it
    assert entries_of(board_page) == start
    board_page.evaluate(MOVE_SLIDER, ["5", "4"])
    board_page.evaluate(RELEASE_SLIDER)
    expect(board_page).to_have_url("/?usage_intensity=10000&min_quality=0")
    assert entries_of(board_page) == start + 1

    # Keys that come less than a second after each other, however busy the machine is.
    board_page.clock.pause_at(board_page.evaluate("Date.now()") + 60_000)
    slider = board_page.locator("#usage_slider")
    slider.focus()
    for _ in range(5):
        board_page.keyboard.press("ArrowRight")
    board_page.locator("#search").fill("v")  # keys settle with the next control, or after a while
    board_page.clock.resume()
    expect(board_page).to_have_url("/?usage_intensity=11200&min_quality=0&search=v")
    board_page.wait_for_function("(wanted) => history.length === wanted", arg=start + 3)
    for expected in ("/?usage_intensity=11200&min_quality=0", "/?usage_intensity=10000&min_quality=0"):
        board_page.get_by_role("button", name="Undo").click()
        expect(board_page).to_have_url(expected)
    board_page.reload()
    board_page.locator("#rows [tabindex='-1']").first.wait_for()
    board_page.get_by_role("button", name="Undo").click()
    expect(board_page).to_have_url("/?min_quality=0")
    expect(board_page.locator("#usage_intensity")).to_have_value("1000000")


def test_changes_within_one_frame_are_undone_one_by_one(board_page):
    board_page.evaluate(MOVE_AND_SEARCH)
    expect(board_page).to_have_url("/?usage_intensity=1000000000&min_quality=0&search=v")
    for expected in ("/?usage_intensity=1000000000&min_quality=0", "/?min_quality=0"):
        board_page.get_by_role("button", name="Undo").click()
        expect(board_page).to_have_url(expected)
