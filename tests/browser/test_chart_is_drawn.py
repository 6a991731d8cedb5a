"""Charts come when they are about to be seen, follow the reader and the page's look, and stand as tables too."""

from __future__ import annotations

import re

import pytest
from django.core.files.base import ContentFile
from playwright.sync_api import Page, expect

from leaderboard import queries
from leaderboard.domain.board_query import LeaderboardQuery
from tests.browser.reader import DESK, PHONE
from tests.factories import EntryFactory, make_board, make_verified_entry
from tests.power_traces import trace
from tests.waiting import wait_until

# Where the marker stands on the axis, as the exponent of the number of images, told by Plotly's own axis.
MARKER = """
() => {
  const chart = document.getElementById("energy-chart");
  const axis = chart._fullLayout.xaxis;
  const line = chart.querySelector(".chart-marker").getBoundingClientRect();
  const x = line.left + line.width / 2 - chart.getBoundingClientRect().left - axis._offset;
  return axis.p2l(x);
}
"""
# Plotly's ground is that of the page's look, and so is all that it has painted on it in the same task.
IS_REPAINTED = """
(name) => {
  const probe = Object.assign(document.createElement("i"), { style: "color: var(--sheet)" });
  document.body.append(probe);
  const wanted = getComputedStyle(probe).color;
  probe.remove();
  return getComputedStyle(document.querySelector(`#${name} .main-svg`)).backgroundColor === wanted;
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


def draw(page: Page, name: str = "energy-chart") -> None:
    chart = page.locator(f"#{name}")
    chart.scroll_into_view_if_needed()
    chart.locator(".main-svg").first.wait_for()
    chart.locator(".trace, .bars").first.wait_for(state="attached")


def assert_marker_comes_to(page: Page, exponent: float) -> None:
    wait_until(
        lambda: page.evaluate(MARKER) == pytest.approx(exponent, abs=0.05),
        f"the marker to come to {exponent}",
        tell=lambda: f"it stands at {page.evaluate(MARKER)}",
    )


def look_at(page: Page, look: str, name: str = "energy-chart") -> None:
    """The page in a light or dark look, its chart painted anew."""
    page.emulate_media(color_scheme=look)
    page.wait_for_function(IS_REPAINTED, arg=name)


def table_of(page: Page, name: str) -> list[list[str]]:
    """The rows of a chart's table, its head first."""
    frame = page.locator("figure", has=page.locator(f"#{name}"))
    frame.get_by_text("The same as a table").focus()
    page.keyboard.press("Enter")
    frame.locator("tbody tr").first.wait_for()
    rows = frame.locator("tr").evaluate_all(
        "rows => rows.map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    return [[cell.replace("\u00a0", " ") for cell in row] for row in rows]


def traces(page: Page, name: str) -> dict[str, dict]:
    """What Plotly was given, by role."""
    found = page.evaluate(
        """(name) => document.getElementById(name).data.map(
             ({ meta, x, y, hovertext, marker }) => ({ ...meta, x: [...x], y: [...y], hovertext, marker }))""",
        name,
    )
    return {trace.get("phase", trace["role"]): trace for trace in found}


def test_plotly_is_fetched_only_when_a_chart_is_near(open_reader, live_server):
    make_board(40)
    reader = open_reader(viewport=PHONE)
    reader.open("/")
    reader.page.wait_for_load_state("networkidle")
    assert [address for address in reader.requests if re.search(r"plotly|/charts/(charts|energy)\.", address)] == []
    draw(reader.page)
    assert len([address for address in reader.requests if "plotly" in address]) == 1


def test_lines_front_phases_and_tables_are_the_rankings_and_follow_a_filter(page, board):
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

    for name in ("quality-chart", "phases-chart"):
        draw(page, name)
    ranked = queries.ranked_board(LeaderboardQuery())
    front = [row for row in ranked.rows if row.place.pareto]
    drawn = traces(page, "quality-chart")["front"]
    assert drawn["x"] == pytest.approx([row.place.energy_j for row in front])
    assert drawn["y"] == pytest.approx([row.entry.quality * 100 for row in front])
    assert set(drawn["marker"]["symbol"]) == {"circle-open"}  # estimated: never a filled mark
    bars = traces(page, "phases-chart")
    assert bars["train"]["x"] == pytest.approx([row.entry.own_energy_j for row in ranked.rows])
    assert bars["inference"]["x"] == pytest.approx([1e6 * row.entry.inference_energy_j for row in ranked.rows])
    assert set(bars["train"]["marker"]["pattern"]["shape"]) == {"/"}

    titles = [row.entry.recipe.method.title for row in ranked.rows]
    for name, length in (("energy-chart", 6), ("quality-chart", 6), ("phases-chart", 11)):
        table = table_of(page, name)
        assert len(table) == length
        assert {row[0] for row in table[1:]} == set(titles), name
    assert table[1][1:] == ["train", "18.7 kJ", "51 %", "estimated"]

    page.locator("#min_quality").fill("0.989")
    page.locator("#energy-chart").scroll_into_view_if_needed()
    expect(page.locator("#energy-chart .scatterlayer .js-line")).to_have_count(2)


def test_charts_and_marker_follow_the_slider_without_a_request(reader, board):
    page = reader.page
    reader.open("/?usage_intensity=1000")
    for name in ("energy-chart", "quality-chart", "phases-chart"):
        draw(page, name)
    assert_marker_comes_to(page, 3)
    page.wait_for_load_state("networkidle")
    asked = len(reader.requests)
    before = {name: traces(page, name) for name in ("quality-chart", "phases-chart")}
    page.locator("#usage_slider").fill("11")
    page.locator("#quality-chart").scroll_into_view_if_needed()
    expect(page.locator("#phases-chart .xtitle")).to_have_text("Full-cycle energy for 100 billion images")
    expect(page.locator("#quality-chart .xtitle")).to_have_text("Full-cycle energy for 100 billion images")
    after = {name: traces(page, name) for name in ("quality-chart", "phases-chart")}
    # At 1,000 images five trade quality for energy; at so many the best in quality costs the most.
    assert before["quality-chart"]["front"]["x"] != after["quality-chart"]["front"]["x"]
    assert sum(after["phases-chart"]["inference"]["x"]) > 1e6 * sum(before["phases-chart"]["inference"]["x"])
    best_first = queries.ranked_board(LeaderboardQuery(usage_intensity=1e11)).rows
    assert after["phases-chart"]["train"]["x"] == pytest.approx([row.entry.own_energy_j for row in best_first])
    assert len(reader.requests) == asked
    for exponent in (0.5, 6, 12.25):
        page.locator("#usage_slider").fill(str(exponent))
        assert_marker_comes_to(page, exponent)
    here = page.locator("#crossings tr[aria-current=true]")
    expect(here).to_have_count(1)
    expect(here).to_contain_text(page.locator("#summary a").first.inner_text())


def test_charts_are_saved_in_the_style_sheets_colours(page, board):
    page.goto("/")
    draw(page, "phases-chart")
    frame = page.locator("figure", has=page.locator("#phases-chart"))
    for look, name, starts in (("light", "Save PNG", b"\x89PNG"), ("dark", "Save SVG", b"<svg")):
        look_at(page, look, "phases-chart")
        token = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--inference').trim()")
        assert traces(page, "phases-chart")["inference"]["marker"]["color"] == token
        with page.expect_download() as download:
            frame.get_by_role("button", name=name).press("Enter")
        assert download.value.suggested_filename == f"phases-chart.{name[-3:].lower()}"
        content = download.value.path().read_bytes()
        assert content.startswith(starts)
    assert "Full-cycle energy by phase for 1" in content.decode()
    assert page.url in content.decode()
    page.locator("#min_quality").fill("0.985")
    link = page.locator("[data-download]", has_text="CSV")
    expect(link).to_have_attribute("href", re.compile(r"leaderboard\.csv\?.*min_quality=0\.985"))


def test_the_number_of_entries_not_shown_is_said(page, live_server):
    make_board(60)
    page.goto("/")
    draw(page, "energy-chart")
    note = page.locator("figure", has=page.locator("#energy-chart")).locator("[data-left-out]")
    expect(note).to_contain_text("20 of 60 entries are not shown.")
    draw(page, "phases-chart")
    note = page.locator("figure", has=page.locator("#phases-chart")).locator("[data-left-out]")
    expect(note).to_contain_text("48 of 60 entries are not shown.")


def test_entry_has_power_over_time_and_break_even(reader, board, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    page = reader.page
    entry = make_verified_entry(board)
    attempt = entry.run.attempts.get()
    energies = [{"scope": "accelerator", "energy_j": 12.0}, {"scope": "system", "energy_j": None}]
    phase = {"phase": "train", "started_s": 10.0, "ended_s": 13.0, "duration_s": 3.0, "energies": energies}
    attempt.record = {"phases": [phase]}
    attempt.trace.save("trace.parquet", ContentFile(trace([10.0, 11.0, 13.0], [5.0, 7.0, 7.0]).read()))
    use = "?usage_intensity=1000000000&shared_by=10"
    reader.open(entry.get_absolute_url() + use)
    draw(page, "power-chart")
    drawn = traces(page, "power-chart")["power"]
    assert (drawn["x"], drawn["y"]) == ([0, 1], [5, 7])
    expect(page.locator("#power-chart .annotation-text")).to_have_text("train")
    draw(page, "lines-chart")
    assert {row[0] for row in table_of(page, "lines-chart")[1:]} == {entry.recipe.method.title, "Method E"}
    links = page.locator("figure tbody a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    assert {link.partition("/entries/")[2].partition("/")[2] for link in links} == {use}


def test_a_trace_that_is_gone_is_said(reader, board):
    entry = make_verified_entry(board)
    phase = {"phase": "train", "started_s": 1.0, "ended_s": 2.0, "duration_s": 1.0, "energies": []}
    entry.run.attempts.update(record={"phases": [phase]}, trace="traces/gone.parquet")
    reader.expect_status(f"/entries/{entry.pk}/power.json", 404)
    reader.open(entry.get_absolute_url())
    reader.page.locator("#power-chart").scroll_into_view_if_needed()
    expect(reader.page.locator("#power-chart")).to_have_text("The power trace can't be read.")


def test_compared_lines_are_named_and_cross_where_the_verdict_says(reader, live_server):
    board = make_board(0)
    pair = [
        EntryFactory(board=board, recipe__method__title="Low start", own_energy_j=100, inference_energy_j=0.01),
        EntryFactory(board=board, recipe__method__title="Low slope", own_energy_j=1000, inference_energy_j=0.001),
    ]
    reader.open("/compare/?" + "&".join(f"entry={entry.pk}" for entry in pair))
    draw(reader.page, "lines-chart")
    assert traces(reader.page, "lines-chart")["crossings"]["x"] == [pytest.approx(100_000)]
    expect(reader.page.locator("#lines-chart .legendtext")).to_contain_text(["Low start", "Low slope"])
    draw(reader.page, "phases-chart")
    assert len(table_of(reader.page, "phases-chart")) == 5


def assert_can_be_read_light_and_dark(page: Page) -> None:
    grounds = set()
    for look in ("light", "dark", "light"):
        look_at(page, look)
        seen = page.evaluate(CONTRAST)
        grounds.add(seen["ground"])
        assert len(seen["words"]) >= 8
        assert [(words, ratio) for words, ratio in seen["words"] if ratio < 4.5] == [], look
        assert seen["envelope"], look
        assert min(seen["envelope"]) >= 3, look
    assert len(grounds) == 2


def test_chart_fits_a_phone_and_can_be_read_light_and_dark(open_reader, board):
    page = open_reader(viewport=PHONE, color_scheme="light").page
    page.goto("/")
    draw(page)
    chart, svg = (page.locator(name).bounding_box() for name in ("#energy-chart", "#energy-chart .main-svg >> nth=0"))
    assert svg["width"] <= chart["width"] <= PHONE["width"]
    words = page.locator("#energy-chart .scatterlayer text")
    assert words.count() == 0
    assert_can_be_read_light_and_dark(page)
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        # All above it has another height, and what is out of sight is not drawn again before it comes near again.
        page.locator("#energy-chart").scroll_into_view_if_needed()
        if size == DESK:
            expect(words.first).to_be_attached()
            assert_can_be_read_light_and_dark(page)
        else:
            expect(words).to_have_count(0)
