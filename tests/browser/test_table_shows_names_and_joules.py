"""The table shows names whole, uses a wide window, and has ranks at other usages, as the server's page does."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from leaderboard import queries
from leaderboard.domain.board_query import LeaderboardQuery
from tests.browser.boards import answered, make_varied_board, order, shown
from tests.factories import EntryFactory, make_board

LONG_NAMES = ["efficientvit_m0 (r224_in1k) at 224 px", "tf_mobilenetv3_small_minimal_100 (in1k) at 224 px"]
# Names that are cut, and how rows follow each other.
LAYOUT = """
() => {
  const rows = [...document.querySelectorAll("#rows tr")];
  const region = document.getElementById("board-window");
  const tops = rows.map((row) => row.getBoundingClientRect().top);
  return {
    cut: rows.map((row) => row.querySelector("a")).filter((link) => link.scrollHeight > link.clientHeight + 1)
      .map((link) => link.textContent),
    pitches: [...new Set(tops.slice(1).map((top, at) => Math.round(10 * (top - tops[at])) / 10))],
    width: region.getBoundingClientRect().width,
    overflow: region.scrollWidth - region.clientWidth,
  };
}
"""
AT = """
() => [...document.querySelectorAll("#rows tr")].map((row) => [
  Number(row.dataset.entry),
  ...[...row.querySelectorAll("[data-column=at]")].map((cell) => cell.textContent.trim().replace(/\\s+/g, " ")),
])
"""


def loaded(page: Page, address: str) -> Page:
    page.goto(address)
    page.locator("#rows [tabindex='-1']").first.wait_for()
    return page


@pytest.mark.parametrize(("width", "least"), [(1280, 1150), (1920, 1750)])
def test_long_names_are_whole_and_the_window_is_used(open_reader, live_server, width, least):
    board = make_varied_board(20)
    for title in LONG_NAMES:
        EntryFactory(board=board, recipe__method__title=title, own_energy_j=0.1, inference_energy_j=1e-9)
    page = loaded(open_reader(viewport={"width": width, "height": 900}).page, "/")
    assert set(LONG_NAMES) <= set(page.locator("#rows a").all_inner_texts())
    seen = page.evaluate(LAYOUT)
    assert seen["cut"] == []
    assert len(seen["pitches"]) == 1  # what the arithmetic of a long table rests on
    assert seen["width"] >= least
    assert seen["overflow"] <= 0


def test_ranks_side_by_side_are_the_servers_and_follow_the_menu(reader, live_server):
    make_varied_board(30)
    page = loaded(reader.page, "/?min_quality=0&shared_by=3")
    asked = len(reader.requests)
    page.get_by_text("Ranks at other usage").click()
    for words in ("10,000", "100\u00a0million"):
        page.get_by_label(words, exact=True).check()
    expect(page).to_have_url(re.compile("at=10000&at=100000000$"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name="At ")).to_have_count(2)
    page.wait_for_function("() => document.querySelector('#rows tr [data-column=at]').textContent.trim()")
    page.locator("#usage_slider").fill("9")
    expect(page).to_have_url(re.compile("usage_intensity=1000000000&"))
    here, there = page.evaluate(AT), answered(page, page.url, AT)
    assert here == there[: len(here)]
    assert shown(page)["rows"] == answered(page, page.url)["rows"][: len(here)]
    assert all("/api/" not in address for address in reader.requests[asked:])
    # No more than the server takes.
    page.goto(page.url + "&at=2&at=3&at=4")
    page.locator("#rows [tabindex='-1']").first.wait_for()
    page.get_by_text("Ranks at other usage").click()
    for words, is_taken in (("100", True), ("10\u00a0billion", False)):
        page.get_by_label(words, exact=True).click()
        expect(page.get_by_label(words, exact=True)).to_be_checked(checked=is_taken)
    page.keyboard.press("Escape")
    # A head leads to its usage.
    page.get_by_role("columnheader", name="At 10,000").get_by_role("link").click()
    expect(page.locator("#usage_intensity")).to_have_value("10000")
    ranked = queries.ranked_board(LeaderboardQuery(usage_intensity=1e4, shared_by=3, min_quality=0.0)).rows
    assert order(page) == [line.entry.pk for line in ranked][: len(here)]
    at = [head.strip() for head in page.locator("#board th[data-column=at]").all_inner_texts()].index("At 10,000")
    assert [row[1 + at].split()[0] for row in page.evaluate(AT)] == page.locator("#rows .rank").all_inner_texts()


def test_bars_and_what_is_said_once_follow_the_filter(page, live_server):
    board = make_board(6)
    EntryFactory(
        board=board, recipe__method__title="Of a meter", provenance="metered", inference_provenance="metered"
    )
    loaded(page, "/")
    heads = page.locator("#board").get_by_role("columnheader")
    expect(heads.filter(has_text="Provenance")).to_be_visible()
    page.locator("#search").fill("method")
    expect(heads.filter(has_text="Provenance")).to_be_hidden()
    expect(page.get_by_text("Every total here is")).to_be_visible()
    expect(page.locator("#rows .provenance")).to_have_count(0)
    expect(page.locator("#rows .by-estimated").first).to_be_visible()
    page.get_by_label("shares").check()
    expect(page).to_have_url(re.compile("bars=shares"))
    for view in ("/?search=method&bars=shares", "/?search=method"):
        assert shown(page)["rows"] == answered(page, view)["rows"]
        full_width = "() => document.getElementById('full-width').textContent.trim()"
        expect(page.locator("#full-width")).to_have_text(answered(page, view, full_width))
        page.get_by_label("joules").check()
