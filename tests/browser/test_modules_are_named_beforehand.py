"""The board's page names every module that its script imports, so that a browser fetches all of them at once."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.browser.reader import PHONE
from tests.factories import make_board

NAMED = "() => [...document.querySelectorAll('link[rel=modulepreload]')].map((link) => new URL(link.href).pathname)"
SCRIPTS = "() => [...document.scripts].filter((script) => script.src).map((script) => new URL(script.src).pathname)"


def test_the_page_names_what_its_script_imports_and_no_more(open_reader):
    make_board(40)
    reader = open_reader(viewport=PHONE)
    reader.open("/")
    named = reader.page.evaluate(NAMED)

    # A browser fetches whatever is named; without the names it fetches what the scripts import. No chart is near.
    again = open_reader(viewport=PHONE)
    again.page.route("/", lambda route: route.fulfill(body=route.fetch().text().replace("modulepreload", "unnamed")))
    again.open("/")
    again.page.wait_for_load_state("networkidle")
    assert again.page.evaluate(NAMED) == []
    paths = {urlsplit(address).path for address in again.requests}
    modules = {path for path in paths if path.startswith("/static/leaderboard/") and path.endswith(".js")}
    assert sorted(named) == sorted(modules - set(again.page.evaluate(SCRIPTS)))
