"""/docs/ has every page of docs/, with links that lead somewhere and a search; messages link to it."""

import re
from functools import cache
from urllib.parse import urlsplit

import pytest
from django.test import Client

from leaderboard.configuration import read_settings
from leaderboard.presentation import documentation
from leaderboard.presentation.docs_page import read_page
from tests.docs.reading import DOCS, HEADING, prose
from tests.factories import RunFactory, WorkerFactory
from tests.pages.reading import text
from tests.pages.test_methodology_page import Elements

FILES = sorted([*DOCS.glob("*.md"), *DOCS.glob("*.ipynb")])
ADDRESSES = {path.stem: f"/docs/{path.stem}/" for path in FILES} | {"methodology": "/methodology/"}
WITH_CODE = "https://code.example/board"


@cache
def shown(address: str) -> str:
    answer = Client().get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


@cache
def ids(address: str) -> set[str]:
    found = [attributes["id"] for _, attributes in Elements(shown(address)).found if "id" in attributes]
    assert len(found) == len(set(found)), address
    return set(found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_page_is_there_with_its_title_and_is_in_the_contents(path):
    page = shown(ADDRESSES[path.stem])
    title = read_page(path).title
    assert Elements(page).headings[0] == (1, title)
    assert f"<title>{title}" in page
    assert [attributes["href"] for attributes in Elements(shown("/docs/")).of("a")].count(ADDRESSES[path.stem]) >= 1
    if path.suffix == ".md":
        assert title == HEADING.findall(prose(path))[0].replace("`", "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_link_leads_to_a_page_and_its_anchor(path):
    article = shown(ADDRESSES[path.stem]).partition("<article")[2].partition("</article>")[0]
    for attributes in Elements(article).of("a"):
        href = attributes["href"]
        if href.startswith(("https://", "http://", "/docs/board-in-a-notebook.ipynb", "/api/")):
            continue
        parts = urlsplit(href)
        address = parts.path or ADDRESSES[path.stem]
        assert address in ADDRESSES.values(), href
        assert not parts.fragment or parts.fragment in ids(address), href


def test_links_into_the_repository_lead_to_its_code_host_if_there_is_one(client, settings):
    assert "recipes/digits" not in "".join(
        a["href"] for name in ADDRESSES for a in Elements(shown(ADDRESSES[name])).of("a")
    )
    settings.SOURCE_CODE = WITH_CODE
    links = [a["href"] for name in ADDRESSES for a in Elements(client.get(ADDRESSES[name]).content.decode()).of("a")]
    inside = {href.removeprefix(f"{WITH_CODE}/blob/HEAD/") for href in links if href.startswith(WITH_CODE)}
    assert "recipes/digits" in inside
    assert all((DOCS.parent / path).exists() for path in inside)
    assert WITH_CODE in client.get("/docs/").content.decode()


def test_no_link_leaves_the_repository(settings, tmp_path):
    settings.SOURCE_CODE = WITH_CODE
    page = tmp_path / "page.md"
    page.write_text("# T\n\n[a](../../../etc/passwd) [b](javascript:alert(1)) [c](//evil.example) [d](missing.md)\n")
    assert "<a" not in read_page(page).opening


def test_headings_of_one_name_have_anchors_of_their_own(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Files\n\n## Files\n\n## `a_b`: Größe, 2 %\n\n## Files\n\n| a | b |\n|---|--:|\n| c | 1 |\n")
    read = read_page(page)
    assert [section.anchor for section in read.sections] == ["files-1", "a_b-größe-2-", "files-2"]
    assert '<td class="number" data-label="b">1</td>' in read.html


@pytest.mark.parametrize(
    "address",
    [
        "/docs/nothing/",
        "/docs/../settings/",
        "/docs/..%2fleaderboard%2fsettings.py/",
        "/docs/%2e%2e/README/",
        "/docs/openapi/",
        "/docs/recipes.ipynb",
        "/docs/nothing.ipynb",
    ],
)
def test_what_is_not_a_page_is_not_found(client, address):
    assert client.get(address).status_code == 404


def test_source_code_that_is_no_address_stops_the_start(monkeypatch, capsys):
    monkeypatch.setenv("SOURCE_CODE", "git@example.org:board")
    with pytest.raises(SystemExit):
        read_settings()
    assert "SOURCE_CODE: must begin with https://" in capsys.readouterr().err


def test_a_wide_table_scrolls_by_keyboard(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# T\n\n| a | b |\n|---|---|\n| c | d |\n\n| a | b | c | d | e |\n|---|---|---|---|---|\n")
    boxes = Elements(read_page(page).opening).of("div")
    assert [attributes.get("tabindex") for attributes in boxes] == [None, "0"]
    assert {attributes["class"] for attributes in boxes} == {"scroll"}


def test_the_methodology_keeps_its_address(client):
    assert client.get("/docs/methodology/").url == "/methodology/"


def test_a_notebook_is_a_page_and_a_file(client):
    page = shown("/docs/board-in-a-notebook/")
    assert "pd.read_parquet" in page
    links = [attributes["href"] for attributes in Elements(page.partition("<article")[2]).of("a")]
    assert links.count("/docs/board-in-a-notebook.ipynb") == 2
    file = client.get("/docs/board-in-a-notebook.ipynb")
    assert b"".join(file.streaming_content) == (DOCS / "board-in-a-notebook.ipynb").read_bytes()
    assert "board-in-a-notebook.ipynb" in file["Content-Disposition"]


SEARCHES = {
    "training options": "/docs/recipes/#training-options",  # a heading
    "LEASE_SECONDS": "/docs/settings/#worker",  # a row of a table
    "read_parquet": "/docs/board-in-a-notebook/#a-data-frame-in-pandas",  # code
    "oUT of SERVICE": "/docs/workers/#out-of-service",
    "include_incomplete": "/docs/api/#read-the-leaderboard",
}


@pytest.mark.parametrize("question", SEARCHES)
def test_search_finds_the_section(client, question):
    found = documentation.search(question)
    assert SEARCHES[question] in [result.address for result in found[:5]]
    assert len({result.address for result in found}) == len(found)
    page = client.get("/docs/", {"q": question}).content.decode()
    assert SEARCHES[question] in [attributes["href"] for attributes in Elements(page).of("a")]
    assert "<mark>" in page


@pytest.mark.parametrize("question", ["<script>alert(1)</script>", "zzzz", "\x00", "(((", "x" * 5000, "& <b>"])
def test_search_for_anything_is_answered(client, question):
    answer = client.get("/docs/", {"q": question})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.content.decode()


def test_an_excerpt_marks_its_words_and_nothing_else():
    excerpts = [result.excerpt for result in documentation.search("<name>")]
    assert excerpts
    assert set(re.findall(r"</?[^>]+>", "".join(excerpts))) == {"<mark>", "</mark>"}


def test_a_message_that_names_a_page_links_to_it():
    linked = documentation.with_links("<i>; see docs/tracks.md#weights, docs/none.md and docs/methodology.md.")
    assert linked == (
        '&lt;i&gt;; see <a href="/docs/tracks/#weights">docs/tracks.md#weights</a>, docs/none.md and '
        '<a href="/methodology/">docs/methodology.md</a>.'
    )


@pytest.mark.django_db
def test_pages_link_to_what_helps_there(client, alice):
    client.force_login(alice)
    worker = WorkerFactory()
    bad = client.post("/submit/", {"document": "- a list", "hardware": worker.hardware.pk})
    assert '<a href="/docs/recipes/">docs/recipes.md</a>' in bad.content.decode()
    run = RunFactory(state="failed", reason="The worker lacks data; docs/tracks.md says how to add them.")
    for address in ("/queue/", run.submission.get_absolute_url()):
        page = client.get(address)
        assert '<a href="/docs/tracks/">docs/tracks.md</a>' in page.content.decode(), address
        assert "Docs" in text(page)
