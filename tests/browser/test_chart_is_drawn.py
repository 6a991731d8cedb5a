"""The chart comes when it is about to be seen, follows the reader and the page's look, and has words beside it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from leaderboard import queries
from leaderboard.filters import LeaderboardQuery
from tests.browser.reader import DESK, PHONE
from tests.factories import make_board

# Where the marker stands on the axis, as the exponent of the number of images, told by Plotly's own axis.
MARKER = """
() => {
  const chart = document.getElementById("energy-chart");
  const axis = chart._fullLayout.xaxis;
  const line = chart.querySelector(".shapelayer path").getBoundingClientRect();
  const x = line.left + line.width / 2 - chart.getBoundingClientRect().left - axis._offset;
  return axis.p2l(x);
}
"""
CONTRAST = """
() => {
  const channels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (color) => {
    const [r, g, b] = channels(color).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const chart = document.getElementById("energy-chart");
  const ground = light(getComputedStyle(chart).backgroundColor);
  const ratio = (color) => {
    const [low, high] = [light(color), ground].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const words = [...chart.querySelectorAll("text")].filter((node) => node.textContent.trim());
  const envelope = [...chart.querySelectorAll(".scatterlayer .js-line")]
    .filter((line) => getComputedStyle(line).strokeWidth === "4px");
  return {
    words: words.map((node) => [node.textContent, ratio(getComputedStyle(node).fill)]),
    envelope: envelope.map((line) => ratio(getComputedStyle(line).stroke)),
    ground: getComputedStyle(chart).backgroundColor,
  };
}
"""


@pytest.fixture
def board(live_server):
    return make_board(5)


def draw(page: Page) -> None:
    page.locator("#energy-chart").scroll_into_view_if_needed()
    page.locator("#energy-chart .main-svg").first.wait_for()
    page.locator("#energy-chart .shapelayer path").first.wait_for(state="attached")


def test_plotly_is_fetched_only_when_the_chart_is_near(open_reader, live_server):
    make_board(40)
    reader = open_reader(viewport=PHONE)
    reader.open("/")
    reader.page.wait_for_load_state("networkidle")
    assert [address for address in reader.requests if "plotly" in address or "/charts/" in address] == []
    draw(reader.page)
    assert len([address for address in reader.requests if "plotly" in address]) == 1
    assert len([address for address in reader.requests if "/charts/" in address]) == 1


def test_lines_envelope_crossings_and_table_agree(page, board):
    page.goto("/")
    draw(page)
    champions = queries.ranked_board(LeaderboardQuery()).champions
    crossings = [champion.from_usage_intensity for champion in champions[1:]]
    assert len(crossings) >= 3
    drawn = page.evaluate(
        """() => document.getElementById("energy-chart").data.map(
             ({ meta, x, text }) => ({ role: meta.role, x: Array.from(x), text }))"""
    )
    assert [trace["role"] for trace in drawn] == ["champion"] * 5 + ["envelope", "crossings"]
    assert drawn[-1]["x"] == pytest.approx(crossings, rel=1e-3)
    expect(page.locator("#energy-chart .scatterlayer .points path")).to_have_count(len(crossings))
    expect(page.locator("#energy-chart .scatterlayer .js-line")).to_have_count(6)

    # The same in words, for whom the chart is no use.
    rows = page.locator("#crossings tr")
    expect(rows).to_have_count(len(champions))
    titles = [board.entries.get(pk=champion.key).recipe.method.title for champion in champions]
    assert page.locator("#crossings th").all_inner_texts() == titles
    expect(page.locator("#energy-chart")).to_have_attribute("role", "img")
    expect(page.locator("#energy-chart")).to_have_attribute("aria-label", re.compile("table of winners"))


def test_marker_stands_at_the_readers_usage_intensity(page, board):
    page.goto("/?usage_intensity=1000")
    draw(page)
    assert page.evaluate(MARKER) == pytest.approx(3, abs=0.05)
    for exponent in (0.5, 6, 12.25):
        page.locator("#usage_slider").fill(str(exponent))
        page.wait_for_timeout(150)
        assert page.evaluate(MARKER) == pytest.approx(exponent, abs=0.05)
    here = page.locator("#crossings tr[aria-current=true]")
    expect(here).to_have_count(1)
    expect(here).to_contain_text(page.locator("#summary a").first.inner_text())


def test_filter_redraws_the_lines(page, board):
    page.goto("/")
    draw(page)
    page.locator("#min_quality").fill("0.989")
    expect(page.locator("#energy-chart .scatterlayer .js-line")).to_have_count(2)


def test_answer_that_comes_late_undoes_nothing(page, board):
    page.goto("/")
    draw(page)
    late: list[Route] = []

    def hold(route: Route) -> None:
        late.append(route)

    page.route("**/charts/energy.json*", hold)
    for floor in ("0.989", ""):
        with page.expect_request("**/charts/energy.json*"):
            page.locator("#min_quality").fill(floor)
    page.locator("#usage_slider").fill("9")
    lines = page.locator("#energy-chart .scatterlayer .js-line")
    for route in reversed(late):
        with page.expect_response("**/charts/energy.json*"):
            route.continue_()
        page.wait_for_timeout(300)
        expect(lines).to_have_count(6)
        assert page.evaluate(MARKER) == pytest.approx(9, abs=0.05)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_chart_can_be_read_light_and_dark(open_reader, board, size):
    page = open_reader(viewport=size, color_scheme="light").page
    page.goto("/")
    draw(page)
    grounds = set()
    for look in ("light", "dark", "light"):
        page.emulate_media(color_scheme=look)
        page.wait_for_timeout(300)
        seen = page.evaluate(CONTRAST)
        grounds.add(seen["ground"])
        assert len(seen["words"]) >= 8
        assert [(words, ratio) for words, ratio in seen["words"] if ratio < 4.5] == [], look
        assert seen["envelope"], look
        assert min(seen["envelope"]) >= 3, look
    assert len(grounds) == 2


def test_chart_fits_a_phone(open_reader, board):
    page = open_reader(viewport=PHONE).page
    page.goto("/")
    draw(page)
    chart, svg = (page.locator(name).bounding_box() for name in ("#energy-chart", "#energy-chart .main-svg >> nth=0"))
    assert svg["width"] <= chart["width"] <= PHONE["width"]
    assert page.locator("#energy-chart .scatterlayer text").count() == 0
