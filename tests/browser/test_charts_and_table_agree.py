"""Charts and the table point at the same entry, choose it, and name it where its name has room; faults are said."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from leaderboard import queries
from leaderboard.domain.board_query import LeaderboardQuery
from tests.browser.boards import make_varied_board
from tests.browser.test_chart_is_drawn import draw, table_of
from tests.factories import EntryFactory, make_board
from tests.waiting import wait_until

# Of the names in a chart: pairs that overlap, and those that reach out of the picture.
NAMES = """
(name) => {
  const chart = document.getElementById(name);
  const frame = chart.getBoundingClientRect();
  const boxes = [...chart.querySelectorAll(".textpoint text")].filter((node) => node.textContent)
    .map((node) => [node.textContent, node.getBoundingClientRect()]);
  const before = (a, b) => a.right <= b.left + 1 || a.bottom <= b.top + 1;
  const overlap = ([, a], [, b]) => !before(a, b) && !before(b, a);
  return {
    names: boxes.map(([text]) => text),
    overlapping: boxes.flatMap((a, at) => boxes.slice(at + 1).filter((b) => overlap(a, b)).map((b) => [a[0], b[0]])),
    outside: boxes.filter(([, box]) => box.left < frame.left || box.right > frame.right).map(([text]) => text),
  };
}
"""
# Where an entry's point, or a line's at its 20th vertex, is seen: coordinates for the mouse.
PLACE = """
([name, entry]) => {
  const chart = document.getElementById(name);
  const { xaxis, yaxis } = chart._fullLayout;
  const box = chart.getBoundingClientRect();
  for (const trace of chart.data) {
    const at = trace.meta?.entry === entry ? 20 : (trace.customdata ?? []).indexOf(entry);
    if (at < 0) continue;
    const [x, y] = [xaxis._offset + xaxis.d2p(trace.x[at]), yaxis._offset + yaxis.d2p(trace.y[at])];
    return [box.left + x, box.top + y];
  }
}
"""
POINTED = """
(name) => [...document.querySelectorAll(`#${name} .is-pointed`)].map((node) => {
  if (node.matches(".trace")) return node.__data__[0].trace.meta.entry;
  return node.closest(".trace").__data__[0].trace.customdata[node.__data__.i];
})
"""
BREAK = """
() => {
  window.kept = Plotly.react;
  Plotly.react = (chart, ...given) => {
    if (chart.id === "ranks-chart") throw new Error("a fault in drawing");
    return kept(chart, ...given);
  };
}
"""


def loaded(page: Page, address: str = "/") -> Page:
    page.goto(address)
    page.locator("#rows [tabindex='-1']").first.wait_for()
    return page


@pytest.mark.parametrize("width", [1280, 800])
def test_names_have_room(open_reader, live_server, width):
    board = make_varied_board(40)
    for position in range(30):  # a front of many, close to each other, with long names
        EntryFactory(
            board=board,
            recipe__method__title=f"A network whose name is long, number {position}",
            own_energy_j=1000 * 1.05**position,
            inference_energy_j=1e-3 / 1.4**position,
            quality=0.96 + 0.001 * position,
        )
    page = open_reader(viewport={"width": width, "height": 900}).page
    loaded(page)
    for name in ("energy-chart", "quality-chart", "ranks-chart"):
        draw(page, name)
        expect(page.locator(f"#{name} .textpoint text").first).to_be_attached()
        seen = page.evaluate(NAMES, name)
        assert len(seen["names"]) >= 2, name
        assert (seen["overlapping"], seen["outside"]) == ([], []), name
    # The ends of the front are named first: what is least, and what is best.
    front = [line for line in queries.ranked_board(LeaderboardQuery()).rows if line.place.pareto]
    best = max(front, key=lambda line: line.entry.quality).entry.method.title
    assert best[:20] in " ".join(page.evaluate(NAMES, "quality-chart")["names"])


def test_pointing_and_choosing_go_both_ways(page, live_server):
    make_board(6)
    loaded(page)
    rows = page.locator("#rows tr")
    entries = rows.evaluate_all("rows => rows.map((row) => Number(row.dataset.entry))")
    for name in ("energy-chart", "quality-chart", "phases-chart"):
        draw(page, name)
        page.evaluate("document.activeElement.blur()")
        rows.nth(2).evaluate("row => row.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))")
        assert set(page.evaluate(POINTED, name)) == {entries[2]}, name
        if name != "phases-chart":
            named = page.locator(f"#{name} .chart-pointed")
            expect(named).to_have_text(rows.nth(2).locator("a").inner_text())
        rows.nth(2).evaluate("row => row.parentNode.dispatchEvent(new PointerEvent('pointerleave'))")
        assert page.evaluate(POINTED, name) == []

    for name, entry in (("quality-chart", entries[3]), ("energy-chart", entries[4])):
        page.locator(f"#{name}").evaluate("chart => chart.scrollIntoView({ block: 'center' })")
        x, y = page.evaluate(PLACE, [name, entry])
        page.mouse.move(x, y - 3)
        page.mouse.move(x, y)
        expect(page.locator(f"#rows tr[data-entry='{entry}']")).to_have_class("is-pointed")
        page.mouse.click(x, y)
        expect(page.locator(f"#rows [name=entry][value='{entry}']")).to_be_checked()
    expect(page).to_have_url(re.compile(f"chosen={entries[3]}%2C{entries[4]}$"))
    page.wait_for_function(
        "() => document.getElementById('quality-chart').data"
        ".some(({ meta, x }) => meta.role === 'chosen' && x.length === 2)"
    )

    # A lasso chooses what it goes round: here every point but those at the right edge.
    frame = page.locator("figure", has=page.locator("#quality-chart"))
    frame.get_by_role("button", name="Lasso").click()
    expect(frame.get_by_role("button", name="Lasso")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("() => document.getElementById('quality-chart')._fullLayout.dragmode === 'lasso'")
    page.locator("#quality-chart").evaluate("chart => chart.scrollIntoView({ block: 'center' })")
    box = page.locator("#quality-chart .nsewdrag").bounding_box()
    corners = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98), (0.02, 0.03)]
    points = [(box["x"] + box["width"] * across, box["y"] + box["height"] * down) for across, down in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    expect(page.locator("#choice-list li")).to_have_count(6)


def test_ranks_over_usage_are_the_servers(page, live_server):
    board = make_varied_board(60)
    last = queries.ranked_board(LeaderboardQuery()).rows[-1].entry.pk
    loaded(page, f"/?chosen={last}&min_quality=0&include_incomplete=on&at=1e3&at=1e9")
    draw(page, "ranks-chart")
    drawn = page.evaluate(
        "() => document.getElementById('ranks-chart').data.map(({ meta, x, y }) => [meta.entry, [...x], [...y]])"
    )
    query = LeaderboardQuery(min_quality=0.0, include_incomplete=True)
    first = [line.entry.pk for line in queries.ranked_board(query).rows[:20]]
    assert {entry for entry, _, _ in drawn} == {*first, last}
    assert drawn[0][1][0] == 1  # it begins at one image
    for at in (0, 9, 26):
        ranked = queries.ranked_board(query.on(usage_intensity=drawn[0][1][at])).find(entry for entry, _, _ in drawn)
        assert {entry: y[at] for entry, _, y in drawn} == {key: line.place.rank for key, line in ranked.items()}
    table = table_of(page, "ranks-chart")
    assert table[0] == ["Method", "At 1,000: rank, energy", "At 1 billion: rank, energy"]
    assert len(table) == 1 + len(drawn)
    assert board.entries.get(pk=last).method.title == table[1][0]
    page.locator("#search").fill("varied 17")
    page.locator("#ranks-chart").scroll_into_view_if_needed()
    wait_until(
        lambda: page.evaluate("document.getElementById('ranks-chart').data.length") == 1,
        "the chart of ranks to follow the filter",
        tell=lambda: page.evaluate("document.getElementById('ranks-chart').data.map(({ name, y }) => [name, y])"),
    )


def test_a_saved_picture_holds_its_whole_address(page, live_server):
    make_board(4)
    columns = "rank,family,quality,energy,phases,one_time,per_image,carbon,provenance,metered,parameters,macs,latency"
    loaded(
        page,
        f"/?search={'meth+' * 19}&columns={columns}&family=compact,nas,pruning,quantization&usage_intensity=12345",
    )
    draw(page, "energy-chart")
    frame = page.locator("figure", has=page.locator("#energy-chart"))
    with page.expect_download() as download:
        frame.get_by_role("button", name="Save SVG").click()
    words = re.sub(r"<[^>]*>", "", download.value.path().read_text()).replace("&amp;", "&")
    assert len(page.url) > 330
    assert page.url in words
    tops = re.findall(r'<svg class="main-svg"[^>]*height="(\d+)"', download.value.path().read_text())
    with page.expect_download() as download:
        frame.get_by_role("button", name="Save PNG").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    assert all(int(top) > 700 for top in tops)


def test_a_chart_that_fails_says_so_and_is_tried_again(reader, live_server):
    make_board(4)
    page = reader.page
    page.route("**/plotly*.js", lambda route: route.abort())
    loaded(page)
    energy = page.locator("figure", has=page.locator("#energy-chart"))
    page.locator("#energy-chart").scroll_into_view_if_needed()
    expect(energy.get_by_role("status")).to_contain_text("not drawn, because what it needs did not load")
    page.unroute("**/plotly*.js")
    energy.get_by_role("button", name="Try again").click()
    draw(page, "energy-chart")
    expect(energy.locator(".chart-fault")).to_have_count(0)

    # An error in drawing one is told, and keeps no other from being drawn.
    page.evaluate(BREAK)
    ranks = page.locator("figure", has=page.locator("#ranks-chart"))
    page.locator("#ranks-chart").scroll_into_view_if_needed()
    expect(ranks.get_by_role("status")).to_contain_text("because of an error in its program")
    draw(page, "phases-chart")
    page.locator("#usage_slider").fill("9")
    page.locator("#phases-chart").scroll_into_view_if_needed()
    expect(page.locator("#phases-chart .xtitle")).to_have_text("Full-cycle energy for 1 billion images")
    page.evaluate("() => { Plotly.react = kept; }")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function("() => scrollY === 0")
    draw(page, "ranks-chart")  # on the next sight
    expect(ranks.locator(".chart-fault")).to_have_count(0)
    assert reader.faults
    assert all("a fault in drawing" in fault for fault in reader.faults)
    reader.faults.clear()
