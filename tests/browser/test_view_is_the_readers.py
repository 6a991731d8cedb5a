"""Columns, order, grid and lifetime are the reader's choice, and the page draws them as the server does."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from leaderboard.forms.table_columns import CHOICES
from leaderboard.forms.table_view import SORTS
from tests.browser.boards import WARNINGS, answered, make_varied_board, shown
from tests.pages.reading import rows

EVERY_COLUMN = ",".join(CHOICES)
# The order of the rows for each way to sort.
SORT = """
async (sorts) => {
  const menu = document.getElementById("sort");
  const orders = {};
  for (const sort of sorts) {
    menu.value = sort;
    menu.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    const head = document.querySelector("#board [aria-sort]");
    orders[sort] = [
      [...document.querySelectorAll("#rows tr")].map((row) => Number(row.dataset.entry)),
      head.dataset.column + " " + head.ariaSort,
    ];
  }
  return orders;
}
"""


@pytest.fixture
def loaded(page, live_server) -> Page:
    make_varied_board(30)
    page.goto("/?usage_intensity=20000&shared_by=7")
    page.locator("#rows [tabindex='-1']").first.wait_for()
    return page


def assert_as_the_server(page: Page) -> None:
    asked = "/?" + urlsplit(page.url).query
    here, there = shown(page), answered(page, asked)
    seen = len(here["rows"])
    assert seen > 10
    assert here["rows"] == there["rows"][:seen]
    assert here["summary"] == there["summary"]
    assert answered(page, asked, WARNINGS) == 0


def test_every_column_sorts_as_the_server_does(loaded, client):
    for sort, (entries, head) in loaded.evaluate(SORT, SORTS).items():
        asked = {"usage_intensity": "20000", "shared_by": "7", "sort": sort}
        expected = [row["entry"] for row in rows(client.get("/", asked))]
        assert entries == expected[: len(entries)], sort
        assert head == f"{sort.lstrip('-')} {'descending' if sort[0] == '-' else 'ascending'}"


def test_head_sorts_best_first_and_turns_round(loaded):
    head = loaded.get_by_role("columnheader", name="Quality")
    for direction, sort in (("descending", "-quality"), ("ascending", "quality")):
        head.get_by_role("link").click()
        expect(head).to_have_attribute("aria-sort", direction)
        expect(loaded).to_have_url(re.compile(f"sort={sort}$"))
        assert_as_the_server(loaded)


def test_columns_are_chosen_and_kept_in_the_address(loaded):
    loaded.get_by_text("Columns", exact=True).click()
    menu = loaded.locator("#column-menu")
    for name in ("Family", "Quality by", "Parameters", "MACs", "Latency", "Memory"):
        menu.get_by_label(name).check()
    menu.get_by_label("Phases").uncheck()
    wanted = EVERY_COLUMN.replace("method,", "").replace("phases,", "").replace(",", "%2C")
    expect(loaded).to_have_url(re.compile(f"columns={wanted}$"))
    expect(loaded.locator("#board").get_by_role("columnheader")).to_have_count(16)  # with that of the ticks
    assert_as_the_server(loaded)


def test_grid_and_pue_make_the_carbon(loaded):
    before = loaded.locator("[data-slot=carbon]").first.inner_text()
    loaded.locator("#assumptions summary").click()
    loaded.locator("#region").select_option("norway")
    loaded.locator("#pue").fill("1.5")
    expect(loaded).to_have_url(re.compile("region=norway&pue=1.5$"))
    expect(loaded.locator("#grid-intensity")).to_have_text("29.66\u00a0g/kWh")
    assert loaded.locator("[data-slot=carbon]").first.inner_text() != before
    assert_as_the_server(loaded)


def test_a_price_brings_the_cost_as_a_column(loaded):
    loaded.locator("#assumptions summary").click()
    loaded.locator("#price_region").select_option("virginia")
    expect(loaded.get_by_role("columnheader", name="Cost")).to_be_visible()
    expect(loaded).to_have_url(re.compile("price_region=virginia$"))
    expect(loaded.locator("#price-source")).to_contain_text("Virginia, USA, 2023")
    assert_as_the_server(loaded)
    loaded.locator("#price_per_kwh").fill("0,25")
    loaded.get_by_label("Currency").fill("€")
    expect(loaded.locator("#price-words")).to_have_text("0.250\u00a0€/kWh")
    expect(loaded).to_have_url(re.compile("price_per_kwh=0.25&currency=%E2%82%AC$"))
    assert_as_the_server(loaded)
    source = "() => document.getElementById('price-source').textContent.trim()"
    assert loaded.evaluate(source) == answered(loaded, loaded.url, source) == ""
    shown_before = shown(loaded)["rows"]
    loaded.locator("#price_per_kwh").fill("1,500")  # of which nobody knows what it means
    expect(loaded.locator("#price_per_kwh")).to_have_attribute("aria-invalid", "true")
    assert shown(loaded)["rows"] == shown_before
    loaded.locator("#price_per_kwh").fill("")
    loaded.locator("#price_region").select_option("")
    expect(loaded.get_by_role("columnheader", name="Cost")).to_be_hidden()


def test_rate_over_a_lifetime_is_a_usage_intensity(loaded):
    loaded.get_by_label("Images per second").fill("20")
    loaded.get_by_label("Years").fill("3")
    expect(loaded).to_have_url(re.compile("usage_intensity=1893456000&"))
    assert_as_the_server(loaded)
    typed = "() => document.getElementById('usage_intensity').value"
    assert answered(loaded, "/?usage_intensity=5&rate=20&years=3&shared_by=7", typed) == "1893456000"
    loaded.get_by_label("Years").fill("1e30")
    expect(loaded.get_by_label("Years")).to_have_attribute("aria-invalid", "true")
    loaded.locator("#usage_slider").press("ArrowRight")
    expect(loaded.get_by_label("Years")).to_have_value("")


def test_counts_of_the_filters_follow_the_other_filters(loaded):
    counts = "() => [...document.querySelectorAll('[data-facet]')].map((count) => count.textContent)"
    loaded.locator("#filters summary").click()
    loaded.locator("#filters").get_by_label("Metered").check()
    loaded.locator("#min_quality").fill("0.7")
    expect(loaded).to_have_url(re.compile("min_quality=0.7"))
    assert loaded.evaluate(counts) == answered(loaded, loaded.url, counts)
    assert sum(map(int, loaded.evaluate(counts))) > 0
