"""Ranked by greenness the page follows a second slider, τ, at once, and says why the order changes."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.boards import make_varied_board, order, shown
from tests.browser.test_chart_is_drawn import draw, table_of
from tests.browser.test_order_follows_the_reader import assert_all_agree
from tests.factories import make_board

# The slider's own events, one a frame; how many orders were seen on the way.
SWEEP = """
async (weights) => {
  const slider = document.getElementById("accuracy_slider");
  const orders = new Set();
  for (const weight of weights) {
    slider.value = weight;
    slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    orders.add([...document.querySelectorAll("#rows tr")].map((row) => row.dataset.entry).join());
  }
  return orders.size;
}
"""
TRACES = """
() => document.getElementById("greenness-chart").data.map(({ meta, x, y }) => ({ ...meta, x: [...x], y: [...y] }))
"""


@pytest.fixture
def green(page, live_server) -> Page:
    """The leaderboard by greenness without a quality floor, with its snapshot there."""
    make_varied_board()
    page.goto("/?order_by=greenness&min_quality=0")
    page.wait_for_load_state("networkidle")
    return page


def test_the_order_brings_its_slider_and_column_and_takes_them_away(page, live_server):
    make_varied_board()
    page.goto("/")
    expect(page.locator("#accuracy_slider")).to_be_hidden()
    page.locator("#order_by").select_option("greenness")
    expect(page.locator("#accuracy_slider")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Greenness")).to_be_visible()
    expect(page).to_have_url("/?order_by=greenness")
    assert_all_agree(page)
    page.locator("#order_by").select_option("energy")
    expect(page.locator("#accuracy_slider")).to_be_hidden()
    expect(page).to_have_url("/")
    assert_all_agree(page)


def test_slider_ranks_as_the_server_does(green):
    seen = set()
    for weight in ("0", "0.5", "1.3", "5", "20"):
        green.locator("#accuracy_slider").fill(weight)
        expect(green.locator("#accuracy_weight")).to_have_value(weight)
        if weight != "1":
            expect(green).to_have_url(re.compile(rf"[?&]accuracy_weight={weight}(&|$)"))
        assert_all_agree(green)
        seen.add(tuple(order(green)))
    assert len(seen) > 2


def test_box_goes_on_where_the_slider_ends(green):
    for typed in ("100", "42.5", "19.95", ".5", "1e1"):
        green.locator("#accuracy_weight").fill(typed)
        expect(green).to_have_url(re.compile(rf"accuracy_weight={re.escape(typed)}&"))
        assert_all_agree(green)
    green.locator("#accuracy_weight").fill("64")
    expect(green.locator("#accuracy_slider")).to_have_value("20")


def test_weight_that_the_server_would_refuse_is_marked_and_ranks_nothing(green):
    green.locator("#accuracy_weight").fill("5")
    expect(green).to_have_url(re.compile("accuracy_weight=5&"))
    before, address = shown(green), green.url
    for typed in ("-1", "100.1", "abc", "0x10", "1e9"):
        green.locator("#accuracy_weight").fill(typed)
        expect(green.locator("#accuracy_weight")).to_have_attribute("aria-invalid", "true")
        green.wait_for_timeout(250)
        assert shown(green) == before, typed
        assert green.url == address, typed
    green.locator("#order_by").select_option("energy")
    expect(green).to_have_url("/?accuracy_weight=5&min_quality=0")


def test_keys_move_the_slider_and_screen_readers_hear_what_it_means(green):
    slider = green.get_by_label("How much accuracy counts, τ, from 0 to 20")
    slider.focus()
    for _ in range(3):
        green.keyboard.press("ArrowRight")
    expect(green).to_have_url(re.compile("accuracy_weight=1.3&"))
    said = "τ = 1.3: 1\u00a0% more accuracy is worth 1.3\u00a0% more energy"
    expect(slider).to_have_attribute("aria-valuetext", said)
    green.keyboard.press("End")
    expect(green).to_have_url(re.compile("accuracy_weight=20&"))
    assert_all_agree(green)


def test_no_request_is_sent_while_the_slider_moves_and_downloads_are_of_the_view(green, reader):
    draw(green, "greenness-chart")
    green.wait_for_load_state("networkidle")
    before = len(reader.requests)
    orders = green.evaluate(SWEEP, [*range(21)])
    green.wait_for_timeout(800)
    assert orders > 3
    assert reader.requests[before:] == []

    green.locator("#accuracy_slider").fill("2.5")
    link = green.locator("[data-download*=csv]").first
    expect(link).to_have_attribute("href", re.compile("order_by=greenness"))
    expect(link).to_have_attribute("href", re.compile("accuracy_weight=2.5"))


def test_chart_has_the_greenest_at_100_and_follows_the_slider(page, live_server):
    make_board(5)
    page.goto("/?order_by=greenness")
    draw(page, "greenness-chart")
    lines = [trace for trace in page.evaluate(TRACES) if trace["role"] != "crossings"]
    assert len(lines) == 5
    for at in range(len(lines[0]["x"])):
        assert max(line["y"][at] for line in lines) == pytest.approx(100)
    (changes,) = [trace for trace in page.evaluate(TRACES) if trace["role"] == "crossings"]
    winners = page.locator("#crossings tr")
    expect(winners).to_have_count(len(changes["x"]) + 1)
    assert page.locator("#greenness-title ~ div .crossings caption").inner_text() == (
        "Which entry is the greenest at τ = 1"
    )

    head, first, *_ = table_of(page, "greenness-chart")
    assert head == ["Method", "Quality", "At your usage", "Per MJ", "Wins at some usage"]
    assert re.fullmatch(r"[\d.,]+ %", first[2])
    assert first[3].endswith(" per MJ")

    before = page.evaluate(TRACES)
    page.locator("#accuracy_slider").fill("20")
    page.locator("#greenness-chart").scroll_into_view_if_needed()
    deadline = time.monotonic() + 60
    while page.evaluate(TRACES) == before:
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    expect(page.locator(".crossings caption")).to_have_text("Which entry is the greenest at τ = 20")


def test_energy_chart_keeps_the_least_energy(page, live_server):
    make_board(5)
    envelope = (
        "() => [...document.getElementById('energy-chart').data.find(({ meta }) => meta.role === 'envelope').y]"
    )
    page.goto("/")
    draw(page)
    least = page.evaluate(envelope)
    page.goto("/?order_by=greenness&accuracy_weight=100")
    draw(page)
    assert page.evaluate(envelope) == least
