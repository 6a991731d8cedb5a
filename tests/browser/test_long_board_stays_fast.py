"""Of a long board only the rows in sight are there, and nothing of it is out of reach, by hand or by keyboard."""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from bench.page_board import fill
from tests.browser.boards import order
from tests.browser.reader import DESK, PHONE
from tests.browser.test_pages_suit_every_reader import AXE, OVERFLOW, RULES_OF_COLOURS

ENTRIES = 1200
ROWS = """
() => [...document.querySelectorAll("#rows tr")].map((row) => ({
  index: Number(row.getAttribute("aria-rowindex")),
  top: row.getBoundingClientRect().top,
}))
"""
FOCUSED = "() => document.activeElement.closest('tr')?.getAttribute('aria-rowindex') ?? document.activeElement.id"
# What a hand does that moves the slider and follows a link in the same moment.
TICK_AND_LEAVE = """
() => {
  const slider = document.getElementById("usage_slider");
  slider.value = 9.5;
  slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
  document.querySelector("#summary a").click();
}
"""
ANIMATED = """
async (exponent) => {
  let begun = 0;
  const animate = Element.prototype.animate;
  Element.prototype.animate = function (...given) {
    begun += 1;
    return animate.apply(this, given);
  };
  const slider = document.getElementById("usage_slider");
  slider.value = exponent;
  slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  Element.prototype.animate = animate;
  return begun;
}
"""


@pytest.fixture
def long_board(live_server) -> None:
    fill(ENTRIES)


def reach_for(page: Page) -> Page:
    """Open the board and put a hand on its slider, which brings the snapshot."""
    page.goto("/")
    page.locator("#usage_slider").focus()
    page.locator("#rows [tabindex='-1']").first.wait_for()
    return page


@pytest.fixture
def ranked(page, long_board) -> Page:
    return reach_for(page)


def test_every_row_is_within_reach_of_hand_and_keyboard(ranked):
    in_sight_at_first = ranked.locator("#rows a").last.text_content()
    arrow_keys_walk_from_the_first_entry_to_the_last(ranked)
    only_rows_in_sight_are_there_and_say_which_they_are(ranked)
    slash_leads_to_the_search_which_finds_what_is_out_of_sight(ranked, in_sight_at_first)


def only_rows_in_sight_are_there_and_say_which_they_are(ranked: Page) -> None:
    expect(ranked.locator("#board")).to_have_attribute("aria-rowcount", str(ENTRIES + 1))
    for scrolled in (0, 0.37, 0.371, 1):
        ranked.evaluate(
            "(part) => { const region = document.getElementById('board-window');"
            "region.scrollTop = part * (region.scrollHeight - region.clientHeight); }",
            scrolled,
        )
        wanted = 2 if scrolled == 0 else ENTRIES + 1 if scrolled == 1 else 2 + round(ENTRIES * scrolled)
        ranked.locator(f"#rows tr[aria-rowindex='{wanted}']").wait_for()
        rows = ranked.evaluate(ROWS)
        assert len(rows) < 40
        assert [row["index"] for row in rows] == list(range(rows[0]["index"], rows[0]["index"] + len(rows)))
        assert [row["top"] for row in rows] == sorted(row["top"] for row in rows)


def arrow_keys_walk_from_the_first_entry_to_the_last(ranked: Page) -> None:
    ranked.locator("#rows a").first.focus()
    walk = {"ArrowDown": 3, "End": ENTRIES + 1, "ArrowUp": ENTRIES, "Home": 2}
    for key, wanted in walk.items():
        ranked.keyboard.press(key)
        assert ranked.evaluate(FOCUSED) == str(wanted)
        expect(ranked.locator(f"#rows tr[aria-rowindex='{wanted}']")).to_be_in_viewport()
    ranked.keyboard.press("Tab")
    assert ranked.evaluate("document.getElementById('pages').contains(document.activeElement)")


def slash_leads_to_the_search_which_finds_what_is_out_of_sight(ranked: Page, title: str) -> None:
    expect(ranked.get_by_role("link", name=title, exact=True)).to_have_count(0)
    ranked.locator("#rows a").first.focus()
    ranked.keyboard.press("/")
    ranked.keyboard.type(title)
    expect(ranked.locator("#rows a").first).to_have_text(title)


def test_last_tick_is_kept_when_the_reader_leaves_at_once(ranked):
    ranked.evaluate(TICK_AND_LEAVE)
    ranked.wait_for_url("**/entries/**")
    ranked.go_back()
    expect(ranked).to_have_url("/?usage_intensity=3160000000")
    expect(ranked.locator("#summary")).to_contain_text("3.16\u00a0billion images")


def test_rows_move_to_their_new_ranks_unless_the_reader_wants_stillness(ranked):
    for exponent, motion in {2: "no-preference", 9: "reduce"}.items():
        ranked.emulate_media(reduced_motion=motion)
        assert bool(ranked.evaluate(ANIMATED, exponent)) == (motion == "no-preference"), motion


def test_board_too_large_for_a_browser_is_ranked_by_the_server(reader, long_board, monkeypatch):
    monkeypatch.setattr("leaderboard.views.board.MOST_ENTRIES_IN_BROWSER", ENTRIES - 1)
    page = reader.page
    page.goto("/")
    first = order(page)
    page.locator("#usage_slider").fill("11")
    page.wait_for_url("**/?usage_intensity=100000000000")
    assert order(page) != first
    page.get_by_role("columnheader", name="Quality").get_by_role("link").click()
    page.wait_for_url("**sort=-quality")
    assert not [address for address in reader.requests if "/api/" in address]


def test_page_beyond_the_last_is_the_last(page, long_board):
    page.goto("/?page=99")
    expect(page.locator(".notice-warning")).to_contain_text("“page”")
    first = order(page)[0]
    page.locator("#usage_slider").focus()
    page.locator("#rows [tabindex='-1']").first.wait_for()
    expect(page.locator(f"#rows tr[data-entry='{first}'][aria-rowindex='1152']")).to_be_visible()


def test_axe_finds_nothing_in_a_long_board_with_a_menu_open(ranked):
    ranked.evaluate(AXE_SCRIPT)
    for size in (DESK, PHONE):
        ranked.set_viewport_size(size)
        for menu in ("#filters", "#column-menu"):
            ranked.locator(f"{menu} summary").click()
            for look, rules in {"light": None, "dark": RULES_OF_COLOURS}.items():
                ranked.emulate_media(color_scheme=look)
                assert ranked.evaluate(AXE, rules) == [], f"{menu}, {look}, {size['width']} px"
            assert ranked.evaluate(OVERFLOW) <= 0, f"{menu}, {size['width']} px"
        ranked.keyboard.press("Escape")
        expect(ranked.locator("#column-menu summary")).to_be_focused()


def test_place_in_the_table_is_kept_over_a_reload(ranked):
    ranked.evaluate(
        "() => { const row = document.querySelector('#rows tr');"
        " document.getElementById('board-window').scrollTop = 610 * row.offsetHeight; }"
    )
    expect(ranked).to_have_url("/?page=13")
    ranked.reload()
    first = order(ranked)[0]
    ranked.locator("#usage_slider").focus()
    ranked.locator("#rows [tabindex='-1']").first.wait_for()
    seen = order(ranked)
    assert seen.index(first) <= 3
