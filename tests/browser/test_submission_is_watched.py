"""The submission page follows its run by itself, says each state aloud, stops at the end; its owner withdraws."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from leaderboard.models import Run
from tests.factories import EntryFactory, RunFactory, SubmissionFactory, WorkerFactory

STEPS = ["train", "inference", "evaluate"]


def move(run: Run, state: str, **changes) -> None:
    Run.objects.filter(pk=run.pk).update(state=state, **changes)


@pytest.fixture
def page(reader) -> Page:
    """The page of somebody whose time can be moved on."""
    reader.page.clock.install()
    return reader.page


def requests_of_a_minute(reader) -> list[str]:
    """What the page asks for while a minute goes by."""
    asked = len(reader.requests)
    reader.page.clock.run_for(60_000)
    reader.page.evaluate("fetch('/healthz').then(() => {})")  # told after all that was asked before
    *during, last = reader.requests[asked:]
    assert last.endswith("/healthz")
    return during


@pytest.fixture
def run(live_server, alice) -> Run:
    run = RunFactory(submission=SubmissionFactory(submitter=alice))
    WorkerFactory(hardware=run.hardware)
    return run


def test_page_follows_the_run_and_stops_at_its_end(reader, page, run):
    reader.open(run.submission.get_absolute_url())
    line, spoken = page.locator(".status-line"), page.locator("#announcement")
    expect(line).to_contain_text("Queued: next in line")

    progress = {"steps": STEPS, "position": 0, "phase": "train", "fraction": 0.25, "power_w": 21.5, "energy_j": 3.0}
    move(run, "running", attempt=1, started_at=run.queued_at, progress=progress)
    expect(line).to_contain_text("Running: train")
    expect(spoken).to_have_text("running, train")
    expect(page.locator(".steps li").first).to_contain_text("21.5 W, 3.00 J")
    assert page.get_by_label("train", exact=True).evaluate("(bar) => bar.value") == 0.25

    later = {"position": 1, "phase": "inference", "scenario": "single_stream", "fraction": 0.5}
    ended = [{"position": 0, "energy_j": 99.0, "duration_s": 12.5}]
    move(run, "running", progress=progress | later | {"ended": ended})
    expect(line).to_contain_text("Running: inference, single stream")
    expect(page.locator(".steps li").first).to_contain_text("99.0 J in 12.5 s")
    expect(spoken).to_have_text("running, inference")

    entry = EntryFactory(recipe=run.recipe, board__hardware=run.hardware, run=run)
    move(run, "succeeded", finished_at=run.queued_at)
    expect(line).to_contain_text("Succeeded")
    expect(spoken).to_have_text("succeeded")
    expect(page.locator(f"#status a[href='{entry.get_absolute_url()}']")).to_be_visible()
    assert requests_of_a_minute(reader) == []


def test_what_went_wrong_is_said_in_words(reader, run):
    reader.open(run.submission.get_absolute_url())
    move(run, "failed", reason="The verification ran out of memory: 8 GB.", attempt=1)
    expect(reader.page.get_by_text("ran out of memory: 8 GB.")).to_be_visible()
    expect(reader.page.locator("#announcement")).to_have_text("failed")


def test_ended_submission_asks_for_nothing_more(reader, page, run):
    move(run, "cancelled", reason="Cancelled by admin.")
    reader.open(run.submission.get_absolute_url())
    assert requests_of_a_minute(reader) == []


def test_alice_withdraws(reader, run, alice):
    reader.sign_in(alice)
    page = reader.page
    reader.open(run.submission.get_absolute_url())
    page.get_by_role("link", name="Withdraw this submission").click()
    expect(page.get_by_text("It has nothing on the board.")).to_be_visible()
    page.get_by_role("button", name="Withdraw this submission").click()
    expect(page.get_by_text("The submission was withdrawn.")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Withdrawn \d"))).to_be_visible()
    expect(page.locator(".status-line")).to_contain_text("Cancelled")
    expect(page.get_by_role("link", name="Withdraw this submission")).to_have_count(0)
    run.submission.refresh_from_db()
    assert run.submission.withdrawn_at is not None


@pytest.mark.parametrize("who", ["bob", "charlie"])
def test_nobody_else_withdraws(reader, run, bob, who):
    if who == "bob":
        reader.sign_in(bob)
    page = reader.page
    reader.open(run.submission.get_absolute_url())
    expect(page.locator(".status-line")).to_be_visible()
    expect(page.get_by_role("link", name="Withdraw this submission")).to_have_count(0)

    # Somebody who makes the form up is told that it is not theirs.
    address = f"{run.submission.get_absolute_url()}withdraw/"
    reader.open("/accounts/login/" if who == "charlie" else "/accounts/tokens/")
    reader.expect_status(address, 403)
    forged = "([form, address]) => Object.assign(document.querySelector(form), { action: address }).submit()"
    with page.expect_navigation():
        page.evaluate(forged, ["main form[method=post]", address])
    if who == "bob":
        expect(page.get_by_role("heading", name="You are not allowed to do this")).to_be_visible()
    else:
        expect(page).to_have_url(re.compile("/accounts/login/"))
    run.submission.refresh_from_db()
    assert run.submission.withdrawn_at is None
