"""Every view is a link: reloading it, going away and back, and handing it on bring the same view."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.boards import make_varied_board, shown
from tests.factories import RunFactory


@pytest.fixture
def view(page, live_server) -> Page:
    """A reader's own view: usage intensity, quality floor, family and search."""
    make_varied_board()
    page.goto("/")
    page.locator("#usage_slider").fill("9.5")
    page.locator("#min_quality").fill("60 %")
    page.locator("#search").fill("varied")
    page.locator("#filters summary").click()
    page.get_by_label("Also rank entries").check()
    expect(page).to_have_url("/?usage_intensity=3160000000&min_quality=0.6&search=varied&include_incomplete=on")
    return page


def form_of(page: Page) -> str:
    return page.evaluate("new URLSearchParams(new FormData(document.getElementById('controls'))).toString()")


def test_reload_and_going_back_keep_the_view_and_its_end_leaves_no_trace(view):
    before, form = shown(view), form_of(view)
    view.reload()
    assert shown(view) == before
    assert form_of(view) == form

    view.locator("#rows a").first.click()
    expect(view).to_have_url(re.compile(r"/entries/\d+/"))
    view.go_back()
    expect(view).to_have_url(re.compile("usage_intensity=3160000000"))
    assert shown(view) == before
    assert form_of(view) == form
    assert view.locator("#usage_slider").input_value() == "9.5"

    # Defaults are left out of the address.
    if view.get_by_label("Also rank entries").is_hidden():
        view.locator("#filters summary").click()
    view.locator("#usage_intensity").fill("1000000")
    view.locator("#min_quality").fill("")
    view.locator("#search").fill("")
    view.get_by_label("Also rank entries").uncheck()
    expect(view).to_have_url("/")


def test_new_result_joins_without_losing_the_readers_place(page, live_server):
    board = make_varied_board()
    run = RunFactory(state="running", progress={"phase": "train"})
    page.goto("/?usage_intensity=70000&min_quality=0")
    expect(page.locator("#activity")).to_contain_text("1 active run")
    page.locator("#search").fill("twin")
    expect(page.locator("#rows tr")).to_have_count(1)

    method = board.entries.get(recipe__method__title="Varied 0").recipe.method
    method.title = "A new twin"
    method.save()
    board.revision += 1
    board.save()
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#search")).to_have_value("twin")
    expect(page).to_have_url("/?usage_intensity=70000&min_quality=0&search=twin")

    run.state = "succeeded"
    run.save()
    expect(page.locator("#activity")).to_have_text("All runs have finished.")
