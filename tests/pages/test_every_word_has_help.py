"""Every control and every column of the board has one sentence of help, which leads to a definition that exists."""

from __future__ import annotations

import html
import re

import pytest

from leaderboard.forms.table_columns import COLUMNS
from leaderboard.presentation.help import HOW_TO_READ
from tests.factories import make_board
from tests.pages.reading import TAG

pytestmark = pytest.mark.django_db
# Controls that share the help of another.
SHARED = {
    "per": "rate",
    "years": "rate",
    "price_per_kwh": "price_region",
    "currency": "price_region",
    "n_from": "usage_intensity",
    "n_to": "usage_intensity",
    "columns": "column-method",
    "was": "usage_intensity",
}


def test_every_control_and_column_has_help(client):
    make_board(2)
    page = client.get("/?usage_intensity=5000").content.decode()
    form = page.partition('id="controls"')[2].partition("</form>")[0]
    controls = set(re.findall(r'<(?:input|select)[^>]*\bname="(\w+)"', form))
    assert len(controls) > 20
    wanted = {SHARED.get(name, name) for name in controls} | {f"column-{column.key}" for column in COLUMNS}
    helps = {
        key: html.unescape(text)
        for key, text in re.findall(r'id="help-([\w-]+)" popover>(.*?)</div>', page, re.DOTALL)
    }
    assert wanted <= set(helps)
    asked_for = set(re.findall(r'popovertarget="help-([\w-]+)"', page))
    assert set(helps) - {"column-method"} <= asked_for
    defined = set(re.findall(r' id="([\w-]+)"', client.get("/methodology/").content.decode()))
    for key, text in helps.items():
        if key == "presets":
            continue
        sentence, link = text.split("<a href=", 1)
        assert re.fullmatch(r"[A-Z][^.]*(?:\d[.]\d[^.]*)*[.] ", TAG.sub("", sentence)), (key, sentence)
        assert re.search(r"/methodology/#([\w-]+)", link)[1] in defined, key


def test_presets_say_what_they_stand_for(client):
    make_board(2)
    page = client.get("/").content.decode()
    presets = page.partition('id="help-presets"')[2].partition("</div>")[0]
    assert re.search(
        r"<dt>A phone app: 100\W*million images</dt><dd>an app with 10,000 users", html.unescape(presets)
    )


def test_a_first_visit_says_how_the_page_is_read(client):
    make_board(2)
    assert len(HOW_TO_READ) == 3
    first = client.get("/?min_quality=0.5").content.decode()
    assert all(html.escape(sentence) in first for sentence in HOW_TO_READ)
    (link,) = re.findall(r'id="guide-read" href="([^"]*)"', first)
    answer = client.get("/" + html.unescape(link))
    assert (answer.status_code, answer["Location"]) == (302, "/?min_quality=0.5")
    assert answer.cookies["guide"]["samesite"] == "Lax"
    assert HOW_TO_READ[0] not in client.get("/").content.decode()
