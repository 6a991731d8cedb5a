"""A copy of the site on a plain file server, below a path: boards rank, filter, draw and lead on as on the site."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from playwright.sync_api import Page, expect

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Board
from leaderboard.queries import ranked_board
from leaderboard.staticcopy import making
from leaderboard.staticcopy.boards import group_of
from tests.browser.boards import make_varied_board, order
from tests.browser.reader import Reader
from tests.power_traces import trace
from tests.records import make_recipe
from tests.services.verifying import verify
from tests.waiting import wait_until

SITE = "https://lab.example"
BELOW = "archive/2026"
READ = {"leaderboard", "api-leaderboard-snapshot", "entry", "entry-power", "api-entry-badge", "methodology"}


class Silent(SimpleHTTPRequestHandler):
    """What `python -m http.server` serves with, without its lines."""

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def boards(settings, tmp_path, hardware, alice) -> tuple[Board, Board]:
    """One of all kinds of entries, and one of a verified run with its trace."""
    settings.MEDIA_ROOT = tmp_path / "files"
    run, _ = verify(make_recipe("Verified", seed=1), hardware, submitter=alice)
    run.attempts.get().trace.save("run.parquet", ContentFile(trace([0.0, 1.0], [5.0, 6.0]).read()))
    return make_varied_board(), Board.objects.get(scenario="offline", scope="accelerator", hardware=hardware)


@pytest.fixture
def served(boards, tmp_path, monkeypatch) -> Iterator[str]:
    """The pages that are read here; test_static_copy_is_whole.py has them all."""
    every = making.pages
    monkeypatch.setattr(making, "pages", lambda content: [page for page in every(content) if page.name in READ])
    folder = tmp_path / "web" / BELOW
    call_command("export_static", str(folder), "--site", SITE, stdout=io.StringIO())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(tmp_path / "web")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def reader(chromium, served) -> Iterator[Reader]:
    somebody = Reader(chromium, served)
    yield somebody
    somebody.context.close()
    assert somebody.faults == []


def ranked(board: Board, **asked) -> list[int]:
    """The board in the order of the server."""
    query = LeaderboardQuery(**group_of(board), **asked)
    return [row.entry.pk for row in ranked_board(query).rows]


def shows(page: Page, wanted: list[int]) -> None:
    """The board has come to this order."""
    wait_until(lambda: order(page) == wanted, f"{wanted}", tell=lambda: f"{order(page)} at {page.url}")


def test_copy_is_read_as_the_site_is(reader, boards):
    """One copy for all: making it is most of the work."""
    board_is_alive(reader, *boards)
    entry_leads_on(reader, boards[1])


def board_is_alive(reader: Reader, varied: Board, verified: Board) -> None:
    page, place = reader.page, f"/{BELOW}/boards/{{track}}/{{hardware}}/{{scenario}}/{{scope}}/index.html"
    reader.open(f"/{BELOW}/")
    expect(page.locator("#copy")).to_contain_text(f"This is a copy of {SITE} of")
    shows(page, ranked(varied))

    page.locator("#usage_intensity").fill("1e3")
    shows(page, ranked(varied, usage_intensity=1e3))
    assert ranked(varied, usage_intensity=1e3) != ranked(varied)
    page.locator("#order_by").select_option("greenness")
    page.locator("#accuracy_weight").fill("5")
    page.locator("#min_quality").fill("10")
    page.locator("#min_quality").press("Tab")
    wanted = {"usage_intensity": 1e3, "order_by": "greenness", "accuracy_weight": 5.0, "min_quality": 0.1}
    shows(page, ranked(varied, **wanted))
    expect(page).to_have_url(
        re.compile("usage_intensity=1e3.*accuracy_weight=5.*min_quality=0.1.*order_by=greenness")
    )
    page.reload()
    shows(page, ranked(varied, **wanted))

    # An old address, of another board: its own page has what else the address says.
    asked = urlencode(group_of(verified) | {"usage_intensity": "2000"})
    reader.open(f"/{BELOW}/index.html?{asked}")
    expect(page).to_have_url(f"{reader.site}{place.format(**group_of(verified))}?usage_intensity=2000")
    expect(page.locator("#usage_words")).to_have_text("2,000 images")
    shows(page, ranked(verified, usage_intensity=2000))
    # And back, by the controls.
    page.locator("#hardware").select_option(varied.hardware.slug)
    expect(page).to_have_url(re.compile(re.escape(place.format(**group_of(varied)))))

    page.locator("#energy-chart").scroll_into_view_if_needed()
    expect(page.locator("#energy-chart .main-svg").first).to_be_visible()
    page.locator("#rows [name=entry]").first.check()
    expect(page.locator("#choice-list li")).to_have_count(1)
    assert page.locator("#compare-form").get_attribute("action") == f"{SITE}/compare/"


def entry_leads_on(reader: Reader, verified: Board) -> None:
    page, entry = reader.page, verified.entries.get()
    reader.open(f"/{BELOW}/boards/{'/'.join(group_of(verified).values())}/index.html?usage_intensity=2000")
    page.locator("#rows th a").first.click()
    expect(page).to_have_url(f"{reader.site}/{BELOW}/entries/{entry.pk}/index.html?usage_intensity=2000")
    expect(page.locator("h1")).to_have_text("Verified")
    otherwise = page.locator("#copied-otherwise")
    expect(otherwise).to_be_visible()
    asked = f"{SITE}/entries/{entry.pk}/?usage_intensity=2000"
    expect(otherwise.locator("a")).to_have_attribute("href", asked)
    assert page.locator("#usage-form").get_attribute("action") == f"{SITE}/entries/{entry.pk}/"
    page.locator("#power-chart").scroll_into_view_if_needed()
    expect(page.locator("#power-chart .main-svg").first).to_be_visible()
    page.locator(".site-nav a", has_text="Methodology").click()
    expect(page).to_have_url(f"{reader.site}/{BELOW}/methodology/index.html")
    page.locator(".wordmark").click()
    expect(page).to_have_url(f"{reader.site}/{BELOW}/index.html")
