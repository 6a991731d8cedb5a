"""A reader who does not know N opens a fold and gets what to choose for a range, without a request."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.boards import make_varied_board, shown

ANSWER = "document.getElementById('range-answer').textContent.replace(/\\s+/g, ' ').trim()"
COUNT = "performance.getEntriesByType('resource').filter(({ name }) => /usage_range/.test(name)).length"


def test_the_fold_answers_what_the_server_does(page: Page, live_server) -> None:
    make_varied_board()
    page.goto("/?min_quality=0")
    expect(page.locator("#rows tr").first).to_be_visible()
    assert page.evaluate(COUNT) == 0  # nobody asked
    fold = page.locator("#range > summary")
    fold.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("n_from=10000&n_to=100000000&min_quality=0$"))
    expect(page.locator("#range-answer")).to_contain_text("From 10,000 to 100 million images, ")
    expect(page.locator("#range-announcement")).to_have_text(page.evaluate(ANSWER))
    said = page.evaluate(ANSWER)

    # Another view, and another range: each is what the server says of the same address.
    least, most = page.locator("#n_from_slider"), page.locator("#n_to_slider")
    expect(least).to_have_accessible_name("Least usage, from 1 to 10 trillion images, logarithmic")
    least.focus()
    for _ in range(60):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#n_from")).to_have_value("2510")
    expect(least).to_have_attribute("aria-valuetext", "2,510 images")
    page.locator("#order_by").select_option("greenness")
    page.locator("#search").fill("e")
    expect(page.locator("#range-answer")).to_contain_text("the greenest")
    expect(page).to_have_url(re.compile("n_from=2510&n_to=100000000&.*search=e"))
    before, answer = shown(page), page.evaluate(ANSWER)
    assert answer != said
    requests = page.evaluate("performance.getEntriesByType('navigation').length")
    assert requests == 1
    page.reload()
    assert page.evaluate(ANSWER) == answer
    expect(page.locator("#n_from")).to_have_attribute("aria-invalid", "false")  # the module is here
    assert page.evaluate(ANSWER) == answer
    assert shown(page) == before
    assert "n_from=2510" in (page.locator("#range-link").get_attribute("href") or "")

    # A handle stops at the other one.
    most.focus()
    page.keyboard.press("Home")
    expect(page.locator("#n_to")).to_have_value("2510")
    assert float(most.input_value()) == float(least.input_value())
    expect(page.locator("#range-answer")).to_contain_text("From 2,510 to 2,510 images")

    # What is no range says why, and the last answer stays.
    page.locator("#n_to").fill("12")
    expect(page.locator("#n_to")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#n_to_words")).to_have_text("at least 2,510")
    expect(page.locator("#range-answer")).to_contain_text("From 2,510 to 2,510 images")
    page.locator("#n_to").fill("1e6")

    # Closed, it is not in the address; opened again, it is as it was.
    page.locator("#range > summary").click()
    expect(page).not_to_have_url(re.compile("n_from"))
    page.locator("#range > summary").click()
    expect(page).to_have_url(re.compile("n_from=2510&n_to=1e6"))
    expect(page.locator("#range-answer")).to_contain_text("From 2,510 to 1 million images")


def test_without_script_the_server_answers(plain, live_server) -> None:
    make_varied_board()
    page = plain.page
    page.goto("/?min_quality=0")
    expect(page.locator("#n_from")).to_be_hidden()
    page.locator("#range > summary").click()
    expect(page.locator("#n_from_slider")).to_be_hidden()
    page.locator("#n_from").fill("1e4")
    page.locator("#n_to").fill("1e8")
    page.get_by_role("button", name="Choose").click()
    expect(page.locator("#range-answer")).to_contain_text("From 10,000 to 100 million images, ")
    expect(page.locator("#n_to")).to_have_value("100000000")
