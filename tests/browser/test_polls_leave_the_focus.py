"""What a page renews by itself leaves a keyboard's reader where they were."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from leaderboard.models import Run
from tests.factories import EntryFactory, RunFactory

POLLS, EVERY_MS = 2, 2_000


def status_of_a_rerun() -> tuple[str, str]:
    """A result in view while a newer run of its submission waits."""
    entry = EntryFactory()
    RunFactory(submission=entry.run.submission)
    return entry.run.submission.get_absolute_url(), "#status a"


def board_while_a_run_waits() -> tuple[str, str]:
    EntryFactory()
    RunFactory()
    return "/", "#activity a"


def first_runs() -> tuple[str, str]:
    RunFactory.create_batch(2)
    return "/", ".first-run a >> nth=1"


@pytest.mark.parametrize("make", [status_of_a_rerun, board_while_a_run_waits, first_runs])
def test_the_focus_outlives_the_polls(reader, live_server, make):
    address, link = make()
    page = reader.page
    page.clock.install()
    reader.open(address)
    page.locator(link).first.focus()
    element = page.evaluate_handle("document.activeElement")
    for _ in range(POLLS):
        with page.expect_response(re.compile("status|activity")):
            page.clock.run_for(EVERY_MS)
    page.wait_for_function("(element) => !element.isConnected", arg=element)
    expect(page.locator(link).first).to_be_focused()


def test_the_focus_stays_where_the_last_run_ends(reader, live_server):
    address, link = board_while_a_run_waits()
    reader.open(address)
    reader.page.locator(link).focus()
    Run.objects.update(state="succeeded")
    expect(reader.page.locator(link)).to_have_text("All runs have finished")
    expect(reader.page.locator(link)).to_be_focused()
