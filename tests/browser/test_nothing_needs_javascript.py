"""Without JavaScript a reader filters, ranks, pages, opens an entry, signs in, submits and watches."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from leaderboard.models import Run
from leaderboard.presentation.draft import example
from tests.browser.boards import make_varied_board, order
from tests.factories import HardwareFactory, RunFactory, make_board


@pytest.fixture
def page(plain) -> Page:
    """A page that runs no script."""
    return plain.page


def test_rank_at_any_usage_intensity(page, live_server):
    make_board(9)
    page.goto("/")
    expect(page.locator("#usage_slider")).to_be_hidden()
    expect(page.locator("#energy-chart")).to_be_hidden()
    seen = []
    for usage_intensity in ("1", "3.4e6", "1e13"):
        page.get_by_label("Usage intensity images").fill(usage_intensity)
        page.get_by_role("button", name="Rank").click()
        page.wait_for_url(re.compile(f"usage_intensity={re.escape(usage_intensity)}"))
        assert float(page.get_by_label("Usage intensity images").input_value()) == float(usage_intensity)
        seen.append(order(page))
    assert seen[0] != seen[1] != seen[2]
    page.get_by_role("link", name="A prototype").click()
    expect(page.locator("#summary")).to_contain_text("For 1,000 images")


def test_filter(page, live_server):
    make_varied_board()
    page.goto("/")
    every = order(page)
    page.get_by_label("Quality floor").fill("90 %")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Compact architecture").check()
    page.get_by_label("Pruning").check()
    page.get_by_label("Rank by").select_option("greenness")
    page.get_by_role("searchbox", name="Search").fill("method")
    page.get_by_role("button", name="Rank").click()
    page.wait_for_url("**min_quality=90+%25**")
    expect(page.get_by_label("Quality floor")).to_have_value("90 %")
    kept = order(page)
    assert 0 < len(kept) < len(every)
    assert {text.strip() for text in page.locator(".family").all_inner_texts()} <= {"Compact architecture", "Pruning"}
    expect(page.get_by_label("Pruning")).to_be_checked()
    expect(page.locator("#filter-count")).to_have_text("(2)")
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("method")
    assert page.locator(".notice-warning").count() == 0


def test_rank_by_greenness(page, live_server):
    make_varied_board()
    page.goto("/")
    expect(page.get_by_label("How much accuracy counts (τ)")).to_be_hidden()
    page.get_by_label("Rank by").select_option("greenness")
    page.get_by_role("button", name="Rank").click()
    page.wait_for_url("**order_by=greenness**")
    expect(page.locator("#accuracy_slider")).to_be_hidden()
    before = order(page)
    page.get_by_label("How much accuracy counts (τ)").fill("20")
    page.get_by_role("button", name="Rank").click()
    page.wait_for_url("**accuracy_weight=20**")
    assert order(page) != before
    expect(page.locator("#why")).to_contain_text("At τ = 20, ")
    assert page.locator(".notice-warning").count() == 0


def test_sort_and_choose_columns(page, live_server):
    make_board(9)
    page.goto("/?usage_intensity=5000")
    page.get_by_role("link", name="Quality").click()
    page.wait_for_url(re.compile(r"usage_intensity=5000&sort=-quality$"))
    expect(page.get_by_role("columnheader", name="Quality")).to_have_attribute("aria-sort", "descending")
    best = order(page)
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Latency", exact=True).check()
    page.get_by_label("Carbon").uncheck()
    page.get_by_label("Images per second").fill("20")
    page.get_by_label("Years").fill("3")
    page.get_by_role("button", name="Rank").click()
    expect(page.get_by_role("columnheader", name="Latency")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Carbon")).to_be_hidden()
    expect(page.locator("#usage_words")).to_have_text("1.89\u00a0billion images")
    assert order(page) == best


def test_page_through_a_long_board_and_open_an_entry(page, live_server):
    make_board(120)
    page.goto("/?usage_intensity=5000")
    seen = order(page)
    expect(page.get_by_role("link", name="Previous")).to_have_count(0)
    for number in range(2, 4):
        page.get_by_role("link", name="Next").click()
        page.wait_for_url(re.compile(rf"[?&]page={number}\b"))
        expect(page).to_have_url(re.compile("usage_intensity=5000"))
        seen += order(page)
    assert len(seen) == len(set(seen)) == 120
    expect(page.get_by_role("link", name="Next")).to_have_count(0)
    name = page.locator("#rows a").first.inner_text()
    page.locator("#rows a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_sign_in_submit_put_right_and_watch(page, alice, live_server):
    HardwareFactory()
    page.goto("/")
    page.get_by_role("link", name="Submit", exact=True).click()
    page.locator("input[name=login]").fill("alice")
    page.locator("input[name=password]").fill("a-long-password")
    page.get_by_role("button", name="Sign In").click()
    expect(page).to_have_url("/submit/")

    recipe = page.get_by_label("Recipe as text")
    assert "schema_version: 1" in recipe.input_value()
    typed = example().text.replace("epochs: 2", "epochs: -2").replace("track: digits", "track: digitz\ncolour: blue")
    recipe.fill(typed)
    page.get_by_role("button", name="Submit for verification").click()
    expect(page.get_by_role("heading", name="3 errors to fix")).to_be_visible()
    assert page.locator(".faults code").all_inner_texts() == ["track", "phases.0.epochs", "colour"]
    assert recipe.input_value() == typed
    expect(recipe).to_have_attribute("aria-invalid", "true")
    assert not Run.objects.exists()

    recipe.fill(typed.replace("epochs: -2", "epochs: 2").replace("digitz\ncolour: blue", "digits"))
    page.get_by_role("button", name="Submit for verification").click()
    expect(page).to_have_url(re.compile(r"/submissions/[0-9a-f-]{36}/"))
    expect(page.locator(".status-line")).to_contain_text("Queued")
    assert Run.objects.get().submission.submitter == alice


def test_status_page_reloads_itself(page, live_server):
    run = RunFactory(state="queued")
    page.goto(run.submission.get_absolute_url())
    expect(page.locator(".status-line")).to_contain_text("Queued")
    run.state = "failed"
    run.reason = "The verification ran out of memory."
    run.save()
    expect(page.get_by_text("ran out of memory")).to_be_visible()


def test_an_entry_follows_its_form_and_leads_to_all_hardware(page, live_server):
    board = make_board(3)
    entry = board.entries.first()
    page.goto(entry.get_absolute_url())
    expect(page.locator("#usage_slider")).to_be_hidden()
    before = page.locator("[data-figure=energy]").inner_text()
    page.get_by_label("Usage intensity images").fill("5e8")
    page.get_by_text("Assumptions", exact=False).first.click()
    page.get_by_label("Electricity price").select_option("finland")
    page.get_by_role("button", name="Show").first.click()
    page.wait_for_url(re.compile("usage_intensity=5e8&.*price_region=finland"))
    assert page.locator("[data-figure=energy]").inner_text() != before
    expect(page.locator("[data-figure=cost]")).to_contain_text("EUR")
    page.get_by_role("link", name="On all hardware").click()
    page.wait_for_url(re.compile(r"/models/\?entry=\d+&usage_intensity=500000000&price_region=finland"))
    expect(page.locator(".across tbody tr")).to_have_count(1)
    page.goto("/")
    page.get_by_role("link", name="This track across hardware").click()
    expect(page.locator(".across tbody tr")).to_have_count(3)
