"""Administrators re-run and cancel in /admin/; the standing result stays ranked, and no result can be edited."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from leaderboard import services
from leaderboard.models import Entry, Run
from tests.browser.boards import order
from tests.factories import RunFactory, make_board, make_verified_entry
from tests.records import make_recipe


@pytest.fixture
def office(reader, administrator) -> Page:
    """The page of an administrator who has signed in."""
    reader.sign_in(administrator)
    return reader.page


def act(page: Page, run: Run, action: str) -> None:
    """Choose one run in the list and an action for it."""
    page.goto("/admin/leaderboard/run/")
    page.locator(f"input.action-select[value='{run.pk}']").check()
    page.locator("select[name=action]").select_option(action)
    page.get_by_role("button", name="Go").click()


def test_rerun_queues_another_and_the_published_result_stays(office):
    board = make_board(3)
    entry = board.entries.first()
    office.goto("/")
    before = order(office)

    act(office, entry.run, "rerun_in_full")
    expect(office.locator(".messagelist .success")).to_contain_text("queued as full run")
    queued = Run.objects.get(state="queued")
    assert (queued.recipe, queued.hardware, queued.requested_by.username) == (
        entry.recipe,
        board.hardware,
        "admin",
    )
    office.goto("/")
    assert order(office) == before
    assert Entry.objects.get(pk=entry.pk).run == entry.run

    act(office, entry.run, "rerun_in_full")
    expect(office.locator(".messagelist .error")).to_contain_text(f"run {queued.pk} of this recipe is already queued")
    assert Run.objects.filter(state="queued").count() == 1


def test_cancel(office):
    waiting, running = RunFactory(), RunFactory(state="running", attempt=1)
    act(office, waiting, "cancel")
    expect(office.locator(".messagelist .success")).to_contain_text("cancelled")
    act(office, running, "cancel")
    expect(office.locator(".messagelist .success")).to_contain_text("will stop within seconds")
    waiting.refresh_from_db()
    running.refresh_from_db()
    assert (waiting.state, waiting.reason) == ("cancelled", "Cancelled by admin.")
    assert (running.state, running.cancel_requested) == ("running", True)

    act(office, waiting, "cancel")
    expect(office.locator(".messagelist .error")).to_contain_text("nothing to cancel")


def test_results_can_be_viewed_but_not_edited(office):
    entry = make_verified_entry(make_board(1), recipe__method__title="Looked at")
    attempt = entry.run.attempts.get()
    changed = ("entry", entry), ("run", entry.run), ("attempt", attempt), ("recipe", entry.recipe)
    for model, shown in (*changed, ("board", entry.board)):
        office.goto(f"/admin/leaderboard/{model}/{shown.pk}/change/")
        expect(office.locator("#content h1")).to_contain_text("View")
        for button in ("Save", "Delete"):
            expect(office.get_by_role("button", name=button)).to_have_count(0)
        assert office.locator("#content-main").locator("input:visible, textarea:visible, select:visible").count() == 0
    for model in ("entry", "run", "attempt", "recipe"):
        office.goto(f"/admin/leaderboard/{model}/")
        expect(office.locator("#content .addlink")).to_have_count(0)


def test_no_action_deletes_results(office):
    make_board(2)
    for model in ("run", "entry"):
        office.goto(f"/admin/leaderboard/{model}/")
        actions = office.locator("select[name=action] option").evaluate_all("all => all.map((one) => one.value)")
        assert "delete_selected" not in actions


def test_alice_has_no_business_there(client, alice):
    client.force_login(alice)
    assert client.get("/admin/leaderboard/run/", follow=True).status_code == 403


def test_pages_of_administrators_break_no_policy(open_reader, administrator, hardware):
    services.submit(make_recipe(), hardware=hardware, submitter=administrator)
    reader = open_reader()
    reader.open("/admin/")
    reader.page.locator("[name=login]").fill("admin")
    reader.page.get_by_label("Password").fill("a-long-password")
    reader.page.get_by_role("button", name=re.compile("Sign in", re.IGNORECASE)).click()
    expect(reader.page.get_by_role("link", name="Runs")).to_be_visible()
    for address in ("", "leaderboard/run/", "leaderboard/submission/", "auth/user/add/", "account/emailaddress/add/"):
        reader.open(f"/admin/{address}")
    reader.open(f"/admin/auth/user/{administrator.pk}/change/")
    reader.page.get_by_role("link", name="Today").first.click()
    reader.open(f"/admin/auth/user/{administrator.pk}/delete/")
