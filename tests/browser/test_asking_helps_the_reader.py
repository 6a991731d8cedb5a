"""A reader asks in their own words: numbers, rates, help where the word stands, and controls in one line."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.boards import make_varied_board, order, shown
from tests.browser.reader import PHONE

TOPS = "(ids) => ids.map((id) => Math.round(document.getElementById(id).getBoundingClientRect().bottom))"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def board_page(page, live_server) -> Page:
    make_varied_board()
    page.goto("/?usage_intensity=20000&min_quality=0")
    page.locator("#rows [tabindex='-1']").first.wait_for()
    return page


def test_a_number_that_cannot_be_read_says_why_and_the_last_answer_stays(board_page, plain):
    number, why = board_page.locator("#usage_intensity"), board_page.locator("#usage_intensity-error")
    for typed, address in (
        ("3 million", "/?usage_intensity=3000000&min_quality=0"),
        ("2.000.000", "/?usage_intensity=2000000&min_quality=0"),
        ("50 k", "/?usage_intensity=50000&min_quality=0"),
    ):
        number.fill(typed)
        expect(board_page).to_have_url(address)
        expect(number).to_have_attribute("aria-invalid", "false")
    before = shown(board_page)
    number.fill("5 zillion")
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(number).to_have_accessible_description(
        re.compile("Can't take “5 zillion” .*“zillion” is not a known size")
    )
    expect(board_page.locator("#usage_words")).to_have_text("50,000 images")
    assert shown(board_page) == before
    server = "/?usage_intensity=5+zillion&min_quality=0&was=usage_intensity%3D50000%26min_quality%3D0"
    plain.open(server)
    expect(plain.page.locator("#usage_intensity-error")).to_have_text(why.inner_text())
    assert order(plain.page) == order(board_page)
    # Another control is obeyed meanwhile, at the last number that could be read.
    board_page.locator("#search").fill("varied")
    expect(board_page).to_have_url("/?usage_intensity=50000&min_quality=0&search=varied")
    number.fill("50,000")
    expect(why).to_be_empty()


def test_a_rate_is_restored_by_its_link(board_page, plain):
    board_page.get_by_label("Images per second").fill("50 k")
    board_page.get_by_label("Years").fill("2,5")
    board_page.get_by_label("What the rate is per").select_option("day")
    wanted = "/?usage_intensity=45656250&rate=50000&per=day&years=2.5&min_quality=0"
    expect(board_page).to_have_url(wanted)
    expect(board_page.locator("#usage_intensity")).to_have_value("45656250")
    plain.open(wanted)
    expect(plain.page.get_by_label("Years")).to_have_value("2.5")
    expect(plain.page.get_by_label("What the rate is per")).to_have_value("day")
    assert shown(plain.page) == shown(board_page)
    plain.page.get_by_label("Usage intensity images").fill("3 thousand")
    plain.page.get_by_role("button", name="Rank").click()
    expect(plain.page).to_have_url(re.compile("usage_intensity=3\\+thousand&min_quality=0"))
    expect(plain.page.get_by_label("Years")).to_have_value("")
    board_page.get_by_role("link", name="Web scale").click()
    expect(board_page).to_have_url("/?usage_intensity=1000000000000&min_quality=0")
    board_page.go_back()
    expect(board_page).to_have_url(wanted)
    expect(board_page.get_by_label("Years")).to_have_value("2,5")


def test_every_control_and_column_has_help(board_page):
    words = board_page.locator(
        "#controls :is(input:not([type=hidden], [type=checkbox], [type=radio]), select, fieldset), th[data-column]"
    )
    for control in words.all():
        name = control.get_attribute("name") or control.get_attribute("data-column") or control.get_attribute("id")
        near = control.locator("xpath=ancestor-or-self::*[.//button[contains(@class, 'help')]][1]")
        button = near.locator(".help").first
        assert button.count(), name
        text = board_page.locator(f"#{button.get_attribute('popovertarget')}")
        assert re.fullmatch(r"\S.*[.] ?More on .*", " ".join(text.text_content().split())), name

    floor = board_page.locator("#help-min_quality")
    button = board_page.get_by_role("button", name="About quality floor", exact=True)
    button.hover()
    expect(floor).to_be_visible()
    button.click()  # what is shown already stays
    expect(floor).to_be_visible()
    floor.get_by_role("link").hover()
    board_page.keyboard.press("Escape")
    expect(floor).to_be_hidden()
    board_page.locator("th[data-column=energy] a").hover()
    expect(board_page.locator("#help-column-energy")).to_be_visible()
    board_page.locator("h1").hover()
    expect(board_page.locator("#help-column-energy")).to_be_hidden()
    board_page.get_by_label("Rank by").focus()
    board_page.keyboard.press("Shift+Tab")
    expect(board_page.locator("#help-order_by")).to_be_visible()
    board_page.keyboard.press("Tab")
    board_page.keyboard.press("Tab")
    board_page.keyboard.press("Escape")
    expect(board_page.locator("#help-order_by")).to_be_hidden()


def test_help_and_the_guide_need_no_script(open_reader, live_server):
    make_varied_board()
    reader = open_reader(java_script_enabled=False, viewport=PHONE, has_touch=True)
    reader.open("/")
    page = reader.page
    page.get_by_role("button", name="About scenario", exact=True).tap()
    expect(page.locator("#help-scenario")).to_be_visible()
    assert page.evaluate(SIDEWAYS) <= 0
    page.keyboard.press("Escape")
    page.get_by_text("Columns", exact=True).tap()
    page.get_by_role("button", name="About MACs").tap()
    page.locator("#help-column-macs").get_by_role("link", name="More on MACs").click()
    expect(page).to_have_url("/methodology/#term-MACs")
    reader.open("/?usage_intensity=5000")
    page.get_by_role("link", name="Got it").click()
    expect(page).to_have_url("/?usage_intensity=5000")
    expect(page.locator("#guide")).to_have_count(0)
    reader.open("/")
    expect(page.locator("#guide")).to_have_count(0)


def test_the_guide_is_dismissed_for_good(board_page):
    guide = board_page.locator("#guide")
    assert len(re.findall(r"[.](?= |$)", guide.locator("p").inner_text())) == 3
    guide.get_by_role("link", name="Got it").click()
    expect(guide).to_have_count(0)
    assert "usage_intensity=20000" in board_page.url  # no page was loaded
    board_page.reload()
    expect(guide).to_have_count(0)


def test_controls_stand_in_one_line_and_assumptions_are_said_in_words(board_page):
    line = ["track", "hardware", "scenario", "search", "order_by"]
    assert len(set(board_page.evaluate(TOPS, line))) == 1
    summary = board_page.locator("#assumptions summary")
    for control in ("scope", "shared_by", "region", "pue", "price_region"):
        expect(board_page.locator(f"#{control}")).to_be_hidden()
    text = "Assumptions: scope accelerator · search not shared · PUE 1 · grid World average, 471.08 g/kWh · no price"
    expect(summary).to_have_text(text)
    summary.click()
    board_page.locator("#shared_by").fill("7")
    board_page.locator("#pue").fill("1,5")
    board_page.locator("#region").select_option("norway")
    board_page.locator("#price_per_kwh").fill("0,25")
    expect(board_page).to_have_url(re.compile("shared_by=7&region=norway&pue=1.5&price_per_kwh=0.25$"))
    words = "search shared by 7 · PUE 1.5 · grid Norway, 29.66 g/kWh · 0.250/kWh"
    expect(summary).to_contain_text(words)
    board_page.reload()
    expect(summary).to_contain_text(words)
