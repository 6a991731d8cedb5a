"""An entry's page and a comparison follow the usage intensity and the assumptions, as the server writes them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.boards import answered
from tests.browser.reader import PHONE
from tests.factories import EntryFactory, make_board, make_verified_entry

FOLLOWING = """
() => [...document.querySelectorAll("[data-follows]")].map((part) => [
  part.id,
  part.textContent.replace(/\\s+/g, " ").trim(),
  [...part.querySelectorAll("a")].map((link) => link.getAttribute("href")),
])
"""
FIGURES = """
() => Object.fromEntries(
  [...document.querySelectorAll("[data-figure]")].map((figure) => [figure.dataset.figure, figure.textContent]),
)
"""


@pytest.fixture
def entry(live_server):
    board = make_board(4)
    return make_verified_entry(board, own_energy_j=5000.0, shared_energy_j=900.0, metered_own_j=5000.0)


def assert_as_the_server(page: Page) -> None:
    assert page.evaluate(FOLLOWING) == answered(page, page.url, FOLLOWING)


def test_the_figures_follow_the_slider_and_the_rest_once_it_rests(page, entry):
    page.goto(entry.get_absolute_url() + "?price_per_kwh=0.25&currency=EUR&region=norway&pue=1.5")
    before = page.evaluate(FIGURES)
    slider = page.get_by_role("slider", name="Usage intensity")
    slider.evaluate(
        "(slider) => { slider.value = 9; slider.dispatchEvent(new InputEvent('input', { bubbles: true })); }"
    )
    expect(page.locator("#usage_words")).to_have_text("1\u00a0billion images")
    expect(page.locator("[data-figure=energy]")).not_to_have_text(before["energy"])
    moving = page.evaluate(FIGURES)
    assert "usage_intensity" not in page.url  # no request while it moves
    slider.dispatch_event("change")
    expect(page).to_have_url(re.compile("usage_intensity=1000000000&"))
    expect(page.locator("#figures dt").first).to_contain_text("1\u00a0billion images")
    assert page.evaluate(FIGURES) == moving
    assert_as_the_server(page)
    page.go_back()
    expect(page.locator("[data-figure=energy]")).to_have_text(before["energy"])
    expect(page.locator("#usage_intensity")).to_have_value("1000000")


def test_assumptions_are_typed_and_what_cannot_be_read_keeps_the_last_answer(page, plain, entry):
    page.goto(entry.get_absolute_url())
    page.get_by_text("Assumptions", exact=False).first.click()
    page.get_by_label("Grid, for carbon").select_option("france")
    expect(page).to_have_url(re.compile("region=france"))
    page.get_by_label("Electricity price").select_option("virginia")
    expect(page.locator("[data-figure=cost]")).to_contain_text("USD")
    page.get_by_label("Shared by").fill("10")
    page.get_by_label("Shared by").press("Enter")
    expect(page).to_have_url(re.compile("shared_by=10"))
    expect(page.locator("#assumptions-words")).to_contain_text("search shared by 10; grid: France")
    assert_as_the_server(page)
    answer = page.locator("[data-figure=energy]").inner_text()
    page.get_by_label("Usage intensity images").fill("a lot")
    page.get_by_role("button", name="Show").first.click()
    expect(page.locator("#usage-fault")).to_contain_text("usage_intensity is 'a lot'")
    expect(page.locator("#usage_intensity")).to_have_accessible_description(re.compile("Can't take “a lot”"))
    assert page.locator("[data-figure=energy]").inner_text() == answer
    assert "a+lot" not in page.url
    page.get_by_label("Usage intensity images").fill("3 million")
    page.get_by_role("button", name="Show").first.click()
    expect(page.locator("#usage_words")).to_have_text("3\u00a0million images")
    expect(page.locator("#usage_intensity-error")).to_be_empty()
    plain.open(urlsplit(page.url).path + "?shared_by=10")
    plain.page.get_by_label("Usage intensity images").fill("5 zillion")
    plain.page.get_by_role("button", name="Show").first.click()
    expect(plain.page.locator("#usage_intensity-error")).to_contain_text("“zillion” is not a known size")
    expect(plain.page.locator("#assumptions-words")).to_contain_text("search shared by 10")


def test_a_comparison_and_a_table_across_hardware_follow_too(page, entry):
    other = EntryFactory(board=make_board(0, hardware__slug="another-gpu"), recipe=entry.recipe, work=entry.work)
    for address in (
        f"/compare/?entry={entry.pk}&entry={entry.board.entries.first().pk}",
        f"/models/?entry={other.pk}",
        "/hardware/",
    ):
        page.goto(address)
        page.get_by_label("Usage intensity images").fill("20000")
        page.get_by_label("Usage intensity images").press("Enter")
        expect(page).to_have_url(re.compile("usage_intensity=20000"))
        expect(page.locator("[data-follows]", has_text="20,000 images").first).to_be_visible()
        assert_as_the_server(page)


def test_the_contents_stay_in_sight(open_reader, entry):
    reader = open_reader()
    reader.open(entry.get_absolute_url())
    contents = reader.page.get_by_role("navigation", name="On this page")
    for size in ({"width": 1280, "height": 900}, PHONE):
        reader.page.set_viewport_size(size)
        contents.get_by_role("link", name="Environment").click()
        expect(reader.page.locator("#environment")).to_be_in_viewport()
        expect(contents.get_by_role("link", name="Cite and embed")).to_be_in_viewport()
        assert (
            reader.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        )
