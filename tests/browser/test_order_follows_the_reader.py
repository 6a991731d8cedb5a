"""Whatever a reader sets, the page re-ranks at once, as the API and a page without JavaScript do at its address."""

from __future__ import annotations

import json
import re
import urllib.request
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from leaderboard.models import Hardware
from tests.browser.boards import ORDER, WARNINGS, answered, make_varied_board, order, shown
from tests.factories import EntryFactory, make_board
from tests.waiting import HANG_S

# The slider's own events, one a frame, as a hand would make them; the numbers heard on the way.
SWEEP = """
async (exponents) => {
  const slider = document.getElementById("usage_slider");
  const orders = new Set();
  for (const exponent of exponents) {
    slider.value = exponent;
    slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    orders.add([...document.querySelectorAll("#rows tr")].map((row) => row.dataset.entry).join());
  }
  return orders.size;
}
"""
TICK = """
(exponent) => {
  const slider = document.getElementById("usage_slider");
  slider.value = exponent;
  slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
}
"""


@pytest.fixture
def board(live_server):
    return make_varied_board()


@pytest.fixture
def loaded(page, board) -> Page:
    """The leaderboard with its snapshot there; its time can be moved on."""
    page.clock.install()
    page.goto("/")
    page.locator("#rows [tabindex='-1']").first.wait_for()
    page.wait_for_load_state("networkidle")
    return page


def asked(page: Page) -> str:
    return urlsplit(page.url).query


def api_order(page: Page) -> list[int]:
    """The order that the API gives for the page's address."""
    address = urlsplit(page.url)
    api = f"{address.scheme}://{address.netloc}/api/v1/leaderboard?page_size=500&{address.query}"
    with urllib.request.urlopen(api, timeout=HANG_S) as answer:
        return [row["entry"] for row in json.load(answer)["results"]]


def assert_all_agree(page: Page) -> None:
    """The page after its script, the API, and the answer that a browser without JavaScript shows say the same."""
    assert shown(page) == answered(page, f"/?{asked(page)}")
    assert order(page) == api_order(page)


def test_slider_ranks_as_the_server_does(page, board):
    page.goto("/")
    for exponent in ("0", "3.21", "5.5", "8", "10.37", "13"):
        page.locator("#usage_slider").fill(exponent)
        usage_intensity = f"{float(f'{10 ** float(exponent):.3g}'):.0f}"
        expect(page.locator("#usage_intensity")).to_have_value(usage_intensity)
        expect(page).to_have_url(re.compile(rf"[?&]usage_intensity={usage_intensity}$"))
        assert_all_agree(page)


def test_number_ranks_as_the_server_does(page, board):
    page.goto("/")
    for typed in ("1", "2.5e4", "1234567", "1e15", "  7e8 ", "+5e3", ".5"):
        page.locator("#usage_intensity").fill(typed)
        expect(page).to_have_url(f"/?{urlencode({'usage_intensity': typed.strip()})}")
        assert_all_agree(page)
        assert answered(page, f"/?{asked(page)}", WARNINGS) == 0, typed


def test_number_that_the_server_would_refuse_is_marked_and_ranks_nothing(page, board):
    page.clock.install()
    page.goto("/")
    page.locator("#usage_intensity").fill("5000")
    expect(page).to_have_url("/?usage_intensity=5000")
    before = shown(page)
    for typed in ("-1", "0", "abc", "0x10", "0b11", "1e16", "Infinity", "1_000"):
        page.locator("#usage_intensity").fill(typed)
        expect(page.locator("#usage_intensity")).to_have_attribute("aria-invalid", "true")
        page.clock.run_for(1_000)
        assert shown(page) == before, typed
        assert asked(page) == "usage_intensity=5000", typed
        page.locator("#usage_intensity").fill("5000")
        expect(page.locator("#usage_intensity")).to_have_attribute("aria-invalid", "false")


CHANGES = {
    "min_quality=0": lambda page: page.get_by_role("link", name="Rank every entry").click(),
    "min_quality=0.9": lambda page: page.locator("#min_quality").fill("90 %"),
    "min_quality=0.9999": lambda page: page.locator("#min_quality").fill("0.9999"),
    "shared_by=1000": lambda page: share(page, "1000"),
    "order_by=greenness": lambda page: page.locator("#order_by").select_option("greenness"),
    "search=VARIED": lambda page: page.locator("#search").fill("VARIED"),
    "search=nothing+of+this+name": lambda page: page.locator("#search").fill("nothing of this name"),
    "family=pruning&family=low_rank": lambda page: check(page, "Pruning", "Low rank"),
    "quality_by=evaluated": lambda page: page.get_by_role("link", name="Evaluated only").click(),
    "quality_by=supplied&quality_by=reported": lambda page: check(
        page, "on the submitter's weights", "by the submitter"
    ),
    "precision=float32": lambda page: check(page, "float32"),
    "provenance=metered": lambda page: check(page, "Metered"),
    "include_incomplete=on": lambda page: check(page, "Also rank entries"),
}


def share(page: Page, deployments: str) -> None:
    page.locator("#assumptions summary").click()
    page.locator("#shared_by").fill(deployments)


def check(page: Page, *labels: str) -> None:
    page.locator("#filters summary").click()
    for label in labels:
        page.locator("#filters").get_by_label(label).check()


def test_filters_rank_as_the_server_does(page, board):
    for written, change in CHANGES.items():
        page.goto("/?usage_intensity=20000")
        change(page)
        expect(page).to_have_url(f"/?usage_intensity=20000&{written}")
        assert_all_agree(page)


def test_no_request_is_sent_while_the_slider_moves(loaded, reader):
    loaded.locator("#energy-chart").scroll_into_view_if_needed()
    loaded.locator("#energy-chart .main-svg").first.wait_for()
    loaded.wait_for_load_state("networkidle")
    before = len(reader.requests)
    orders = loaded.evaluate(SWEEP, [step * 0.5 for step in range(27)])
    loaded.clock.run_for(10_000)
    assert orders > 5
    assert reader.requests[before:] == []


def test_presets_rank_without_a_request(loaded, reader):
    before = len(reader.requests)
    loaded.get_by_role("link", name="Web scale").click()
    expect(loaded).to_have_url(re.compile("usage_intensity=1000000000000$"))
    assert reader.requests[before:] == []
    assert_all_agree(loaded)


def test_more_than_a_page_is_paged_alike(page, live_server):
    make_board(120)
    every = []
    page.goto("/?usage_intensity=5000&page=2")
    for number in (1, 2, 3):
        every += answered(page, f"/?usage_intensity=5000&shared_by=2&page={number}", ORDER)
    assert len(set(every)) == 120
    page.locator("#rows tr[aria-rowindex='52']").wait_for()
    page.wait_for_load_state("networkidle")
    assert page.locator("#board-window").evaluate("region => region.scrollTop") > 0
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile("page=3$"))
    share(page, "2")  # another question is answered from its first line on
    expect(page).to_have_url("/?usage_intensity=5000&shared_by=2")
    seen = order(page)
    assert seen == every[: len(seen)]


def test_summary_is_said_aloud_once_after_the_hand_rests(loaded):
    # A minute later: what the page said when it came is not said again by its script.
    loaded.clock.pause_at(loaded.evaluate("Date.now()") + 60_000)
    summary, announcement = loaded.locator("#summary"), loaded.locator("#announcement")
    expect(announcement).to_have_attribute("aria-live", "polite")
    expect(announcement).to_be_empty()
    loaded.evaluate(
        """() => {
          window.spoken = [];
          const heard = () => window.spoken.push(document.getElementById("announcement").textContent);
          new MutationObserver(heard).observe(document.getElementById("announcement"), { childList: true });
        }"""
    )
    before = summary.inner_text()
    for exponent in (7, 8, 9, 10, 11):
        loaded.evaluate(TICK, exponent)
        loaded.clock.run_for(100)
    expect(summary).not_to_have_text(before)
    assert loaded.evaluate("window.spoken") == []
    loaded.clock.run_for(10_000)
    expect(announcement).to_have_text(f"{summary.inner_text()} {loaded.locator('#following').inner_text()}")
    assert loaded.evaluate("window.spoken.length") == 1
    assert "100 billion images" in announcement.inner_text().replace("\u00a0", " ")


def test_another_board_is_another_page(loaded, board):
    other = EntryFactory(board__scenario="single_stream", board__hardware=Hardware.objects.get())
    loaded.locator("#usage_intensity").fill("5000")
    expect(loaded).to_have_url(re.compile("usage_intensity=5000"))
    loaded.locator("#scenario").select_option("single_stream")
    expect(loaded).to_have_url(re.compile("scenario=single_stream"))
    expect(loaded.locator("#rows tr")).to_have_count(1)
    assert order(loaded) == [other.pk]
    expect(loaded.locator("#usage_intensity")).to_have_value("5000")
