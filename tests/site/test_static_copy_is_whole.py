"""`manage.py export_static`: all that anybody may read, as files; nothing else, and no link that leads nowhere."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from pyarrow import parquet

from leaderboard import services, staticcopy
from leaderboard.models import ApiToken, Board, Count, Entry, FormerEntry
from leaderboard.staticcopy import making
from leaderboard.staticcopy.addresses import Page
from tests.records import make_recipe
from tests.services.verifying import verify
from tests.site.private_results import WORD, Site
from tests.site.static_copies import Links, texts
from tests.site.walking import table
from tests.site.whole_site import fill, settle

SITE, BASE = "https://lab.example", "https://archive.example/2026/"


def export(folder: Path, *options: str) -> str:
    told = io.StringIO()
    call_command("export_static", str(folder), "--site", SITE, *options, stdout=told)
    return told.getvalue()


def refused(folder: Path, *options: str) -> str:
    with pytest.raises(CommandError) as error:
        export(folder, *options)
    assert error.value.returncode == 2
    return str(error.value)


def test_every_public_address_is_copied_or_left_out_for_a_reason():
    public = {
        name
        for (name, method), row in table().items()
        if method == "GET" and row.answers["anonymous"] in ("200", "286") and name != "admin:login"
    }
    assert staticcopy.EXPORTED.keys() | staticcopy.LEFT_OUT.keys() == public
    assert not staticcopy.EXPORTED.keys() & staticcopy.LEFT_OUT.keys()


@pytest.mark.django_db(transaction=True)
def test_copy_has_what_anybody_may_read_and_nothing_else(settings, tmp_path, hardware, alice, bob):
    settle(settings, tmp_path / "data")
    Site(hardware, alice, bob).add_the_private_one(bob)
    fill(hardware, alice, bob)
    down, _ = verify(make_recipe("Taken down", epochs=9), hardware, submitter=bob)
    services.take_down(Entry.objects.filter(run=down), reason="Its weights were of another model", by=alice)
    verified = Entry.objects.filter(board__private_to=None, run__isnull=False).latest("pk")
    FormerEntry.objects.create(number=123, entry=verified)
    token = ApiToken.objects.create(alice)[1]
    counts = Count.objects.count()
    folder = tmp_path / "copy"
    with time_machine.travel("2026-03-04 05:06"):
        told = export(folder, "--base", BASE)
    copy = texts(folder)
    assert f"{len(copy) - 1:,} files" in told
    assert Links(folder, SITE).faults() == []
    assert Count.objects.count() == counts, "a copy writes nothing into the database"

    public = Entry.objects.filter(board__private_to=None)
    assert public.filter(run__isnull=False).exists()
    assert public.filter(published__isnull=False).exists()
    for entry in public:
        of_entry = copy[f"entries/{entry.pk}/index.html"].decode()
        assert entry.method.title in of_entry
        assert f'property="og:image" content="{BASE}entries/{entry.pk}/card.png' in of_entry
        assert json.loads(copy[f"api/v1/entries/{entry.pk}.json"])["entry"] == entry.pk
        assert copy[f"entries/{entry.pk}/card.png"].startswith(b"\x89PNG")
        assert b"</svg>" in copy[f"api/v1/entries/{entry.pk}/badge.svg"]
    gone = [
        body for name, body in copy.items() if re.match(r"entries/\d+/index", name) and b"Entry withdrawn" in body
    ]
    assert gone
    assert all(b'<p dir="auto">Withdrawn</p>' in body for body in gone)
    assert f'href="../{verified.pk}/index.html"' in copy["entries/123/index.html"].decode()
    assert sum(b"Its weights were of another model" in body for body in copy.values()) == 4
    for board in Board.objects.filter(private_to=None, size__gt=0):
        place = f"boards/{board.track}/{board.hardware.slug}/{board.scenario}/{board.scope}".replace(":", "-")
        assert b'data-snapshot="snapshot.json"' in copy[f"{place}/index.html"]
        assert b"(no results yet)" not in copy[f"{place}/index.html"], "no file would answer"
        shown = json.loads(copy[f"{place}/snapshot.json"])
        assert sorted(shown["columns"]["entry"]) == sorted(board.entries.values_list("pk", flat=True))
        assert parquet.read_table(io.BytesIO(copy[f"{place}/leaderboard.parquet"])).num_rows
        assert copy[f"{place}/leaderboard.csv"].count(b"\n") > 1
        assert f"{place.replace('boards', 'findings')}/index.html" in copy
    traced = public.exclude(run__attempts__trace="").filter(run__isnull=False).first()
    assert json.loads(copy[f"entries/{traced.pk}/power.json"])["phases"]
    assert {"robots.txt", "favicon.ico", "api/schema.yaml", "docs/board-in-a-notebook.ipynb"} <= copy.keys()

    everything = b"\n".join([*copy.values(), *(name.encode() for name in copy)])
    for secret in (WORD, token, "alice@example.org", settings.SECRET_KEY, "csrfmiddlewaretoken"):
        assert secret.encode() not in everything, secret
    assert not re.search(rb'>\s*(Held|Waits)\s*<|"(Held|Waits)"', everything)

    # Another day, with nothing new: the same but for the day, in place of the first.
    with time_machine.travel("2026-03-05 05:06"):
        export(folder, "--base", BASE)
    again = texts(folder)
    assert copy.keys() == again.keys()
    differing = [
        name
        for name in copy.keys() - {"manifest.json"}
        if copy[name].replace(b"4 March 2026", b"5 March 2026") != again[name]
    ]
    assert differing == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".copy")] == []


@pytest.fixture
def few_pages(monkeypatch):
    """The rules of the folder don't depend on how much is in it."""
    monkeypatch.setattr(making, "pages", lambda content: [page for page in _pages(content) if page.name == "about"])


_pages = making.pages


@pytest.mark.django_db
@pytest.mark.usefixtures("few_pages")
def test_what_is_no_copy_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert "is not empty, and is not a copy of a site; name a folder" in refused(tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"
    assert "--site is 'lab.example', but must be an address" in refused(tmp_path / "copy", "--site", "lab.example")
    assert "--site is https://lab.example/x, but must be a host" in refused(tmp_path / "copy", "--site", f"{SITE}/x")
    assert "--base is 'archive', but must be an address" in refused(tmp_path / "copy", "--base", "archive")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]

    export(tmp_path / "copy")
    before = texts(tmp_path / "copy")
    (tmp_path / "copy" / ".git").mkdir()
    (tmp_path / "copy" / ".git" / "HEAD").write_text("ref: refs/heads/main")
    assert "has .git/HEAD, which no export wrote; move it away, or name another" in refused(tmp_path / "copy")
    assert (tmp_path / "copy" / ".git" / "HEAD").exists()
    shutil.rmtree(tmp_path / "copy" / ".git")
    page = tmp_path / "copy" / "about" / "index.html"
    as_exported = page.read_bytes()
    page.write_bytes(as_exported + b"<!-- by hand -->")
    assert "index.html was changed after the export; move it away" in refused(tmp_path / "copy")
    page.write_bytes(as_exported)
    monkeypatch.setattr(making, "read_static", lambda names: fail())
    assert "the export failed, and nothing was changed there: the disk is full" in refused(tmp_path / "copy")
    assert texts(tmp_path / "copy") == before
    monkeypatch.setattr(making, "pages", lambda content: [Page("about", "/nowhere/", "about/index.html")])
    assert "/nowhere/: the site answers 404, where a copy needs a page" in refused(tmp_path / "copy")
    assert texts(tmp_path / "copy") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "mine"]


@pytest.mark.django_db
@pytest.mark.usefixtures("few_pages")
def test_living_site_that_nobody_else_reaches_is_told(tmp_path, settings):
    settings.SITE_URL = "http://127.0.0.1:8000"
    told = io.StringIO()
    call_command("export_static", str(tmp_path / "copy"), stdout=io.StringIO(), stderr=told)
    assert "Forms will lead to http://127.0.0.1:8000, this machine: give --site" in told.getvalue()
    about = (tmp_path / "copy" / "about" / "index.html").read_text()
    assert '<a href="http://127.0.0.1:8000/about/">' in about


def fail():
    raise OSError("the disk is full")


@pytest.mark.django_db
def test_readers_cannot_ask_for_the_page_of_a_copy(client):
    for header in ("leaderboard.copied", "HTTP_LEADERBOARD_COPIED"):
        assert 'id="copy"' not in client.get("/about/", headers={header: "1"}).content.decode()
