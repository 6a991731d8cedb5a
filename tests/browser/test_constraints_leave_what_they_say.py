"""Limits are typed with their units, draw what they leave, and are what the server has for the same address."""

from __future__ import annotations

import random
import re

from playwright.sync_api import Page, expect

from leaderboard.domain.constraints import BY_PARAMETER, parse_amount
from tests.browser.boards import make_varied_board, order, shown

WORDS = """
() => ["constraints-in-force", "quality_effect", ...[...document.querySelectorAll("[data-limit]")].map(
  ({ name }) => `${name}_effect`)].map((id) => document.getElementById(id).textContent.replace(/\\s+/g, " ").trim())
"""
# Of each histogram the height of what is kept and of what is dropped.
BARS = """
() => Object.fromEntries([...document.querySelectorAll("[data-histogram]")].map((svg) => [
  svg.dataset.histogram, [...svg.querySelectorAll("path")].map((path) => path.getAttribute("d") !== "")]))
"""
COUNT = "performance.getEntriesByType('resource').filter(({ name }) => /constraints/.test(name)).length"
READ = """
async (typed) => {
  const { parseAmount } = await import("/static/leaderboard/limits.js");
  return typed.map(([text, kind]) => parseAmount(text, kind)).map((value) => (Number.isNaN(value) ? null : value));
}
"""


def make_board_with_figures() -> None:
    board = make_varied_board()
    for number, entry in enumerate(board.entries.order_by("pk")):
        entry.latency_p50_ms = None if number % 5 == 0 else 1.5**number
        entry.parameters = 100_000 * (number + 1)
        entry.macs = None if number % 7 == 0 else 2_000_000 * (number + 1)
        entry.peak_memory_bytes = None if number % 3 == 0 else 4_000_000 * (number + 1)
        entry.batch_size = 2 ** (number % 6)
        entry.save()


def test_limits_follow_the_reader(page: Page, live_server) -> None:
    make_board_with_figures()
    page.goto("/?min_quality=0")
    expect(page.locator("#rows tr").first).to_be_visible()
    every = order(page)
    assert page.evaluate(COUNT) == 0  # nobody asked
    page.locator("#constraints > summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-histogram=max_parameters] path.kept")).to_have_attribute("d", re.compile("^M"))
    assert page.evaluate(BARS)["max_parameters"] == [True, False]

    page.get_by_label("Memory bytes, peak of inference").fill("40 MB")
    page.get_by_label("Latency ms per batch, median").fill("0.1 s")
    expect(page.locator("#max_latency_p50_ms_effect")).to_contain_text("leaves")
    effect = page.locator("#max_peak_memory_bytes_effect")
    expect(effect).to_have_text(re.compile(r"^leaves \d of \d+; of \d the memory is not known$"))
    expect(page).to_have_url(re.compile("max_latency_p50_ms=100&max_peak_memory_bytes=40000000"))
    expect(page.locator("#constraints > summary")).to_have_text("Constraints: latency ≤ 100 ms, memory ≤ 40.0 MB")
    assert 0 < len(order(page)) < len(every)
    assert page.evaluate(BARS)["max_peak_memory_bytes"] == [True, True]
    expect(page.locator("#summary")).to_contain_text("filtered model")

    # What can't be read says so; the last good answer stays.
    kept, words = order(page), page.evaluate(WORDS)
    page.get_by_role("textbox", name="Parameters").fill("many")
    expect(page.get_by_role("textbox", name="Parameters")).to_have_attribute("aria-invalid", "true")
    assert (order(page), page.evaluate(WORDS)) == (kept, words)
    page.get_by_role("textbox", name="Parameters").fill("")
    page.get_by_label("Batch, at least").fill("2")
    expect(page).to_have_url(re.compile("min_batch_size=2"))
    expect(page.locator("#min_batch_size_effect")).to_contain_text("leaves")

    before, words = shown(page), page.evaluate(WORDS)
    address = page.url
    page.route("**/*.js", lambda route: route.abort())
    page.goto(address)
    assert (shown(page), page.evaluate(WORDS)) == (before, words)


def test_without_script_limits_are_applied(plain, live_server) -> None:
    make_board_with_figures()
    page = plain.page
    page.goto("/?min_quality=0")
    every = order(page)
    page.locator("#constraints > summary").click()
    expect(page.locator("[data-histogram]").first).to_be_hidden()
    page.get_by_role("textbox", name="Parameters").fill("0.5 M")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**max_parameters=0.5+M**")
    expect(page.get_by_role("textbox", name="Parameters")).to_have_value("500000")
    expect(page.locator("#max_parameters_effect")).to_have_text(f"leaves 5 of {len(every)}")
    assert len(order(page)) == 5


def test_amounts_are_read_alike(page: Page, live_server) -> None:
    chance = random.Random(25)
    constraints = list(BY_PARAMETER.values())
    numbers = ["25", "4.1", ".5", "5.", "1,5", "1,500", "2,000,000", "12,34", "1e3", "1e-3", "1e400", "0", "-1", ""]
    numbers += ["٧", *(f"{chance.uniform(0, 2000):.{chance.randrange(6)}f}" for _ in range(150))]
    units = ["", "k", "M", "m", "G", "b", "B", "ms", "s", "µs", "MB", "MiB", "gib", "million", "toString", "x", "K B"]
    typed = [
        (chance.choice(["", " "]) + number + chance.choice(["", " ", "\u00a0"]) + chance.choice(units), constraint)
        for number in numbers
        for constraint in constraints
    ]
    page.goto("/")
    read = page.evaluate(READ, [[text, constraint.amount] for text, constraint in typed])
    assert read == [amount_or_none(text, constraint) for text, constraint in typed]


def amount_or_none(text, constraint) -> float | None:
    try:
        return parse_amount(text, constraint)
    except ValueError:
        return None
