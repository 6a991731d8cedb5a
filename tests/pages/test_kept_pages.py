"""The board's page is kept for all who ask the same, shows every change at once, and is never another reader's."""

import gzip
import os
import re

import pytest
from django.contrib.auth import get_user_model

from leaderboard import queries
from leaderboard.models import Board, Entry, Hardware, Notice
from leaderboard.presentation import kept_answers, table
from leaderboard.views import kept_pages
from tests.factories import RunFactory, make_board

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keeping(settings, tmp_path):
    file = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": tmp_path / "pages"}
    settings.CACHES = settings.CACHES | {"pages": file}
    queries.forget_notice()
    kept_pages._release.cache_clear()
    yield
    queries.forget_notice()
    kept_pages._release.cache_clear()


@pytest.fixture
def times_ranked(monkeypatch):
    """How often a page was made anew."""
    made = []
    in_order = table.in_order
    monkeypatch.setattr(table, "in_order", lambda *given: made.append(given) or in_order(*given))
    return made


def test_the_second_reader_gets_the_first_ones_page(client, times_ranked, django_assert_max_num_queries):
    make_board(4)
    first = client.get("/")

    with django_assert_max_num_queries(2):
        second = client.get("/")

    assert second.content == first.content
    assert len(times_ranked) == 1
    # A browser asks for the styles when it has the headers.
    styles = re.findall(r'rel="stylesheet" href="([^"]*)"', first.content.decode().partition("</head>")[0])
    assert [first.headers["Link"], second.headers["Link"]] == [
        ", ".join(f"<{style}>; rel=preload; as=style" for style in styles)
    ] * 2


def test_packed_for_a_reader_who_can_unpack_it(client):
    make_board(4)
    plain = client.get("/")
    packed = client.get("/", headers={"accept-encoding": "br, gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert not plain.has_header("Content-Encoding")
    assert {"Accept-Encoding", "Cookie"} <= set(plain.headers["Vary"].split(", "))


def test_a_browser_that_has_the_page_is_told_so(client):
    make_board(4)
    etag = client.get("/").headers["ETag"]

    assert client.get("/", headers={"if-none-match": etag}).status_code == 304
    assert client.get("/?usage_intensity=5", headers={"if-none-match": etag}).status_code == 200


def _publish(board):
    Board.objects.filter(pk=board.pk).update(revision=board.revision + 1)


def _publish_elsewhere(_board):
    make_board(2, track="cifar10")


def _rename(board):
    Hardware.objects.filter(pk=board.hardware_id).update(name="Renamed card")


def _queue(_board):
    RunFactory(state="queued")


def _announce(_board):
    Notice.objects.create(text="Down on Sunday")
    queries.forget_notice()


def _install_a_release(file):
    """Which new processes serve, that have nothing at hand."""

    def install(_board):
        kept_answers.forget()
        kept_pages._release.cache_clear()
        os.utime(kept_pages.settings.BASE_DIR / file)

    return install


@pytest.mark.parametrize(
    "change",
    [
        *(_publish, _publish_elsewhere, _rename, _queue, _announce),
        *map(
            _install_a_release,
            ("templates/base.html", "leaderboard/presentation/help.py", "measurement/tracks/__init__.py"),
        ),
    ],
)
def test_a_change_makes_a_new_page_at_once(client, times_ranked, change):
    board = make_board(4)
    client.get("/")

    change(board)
    client.get("/")

    assert len(times_ranked) == 2


def test_a_page_with_a_notice_that_came_while_it_was_made_is_not_kept(client, times_ranked, monkeypatch):
    make_board(4)
    in_order = table.in_order
    monkeypatch.setattr(table, "in_order", lambda *given: [in_order(*given), _announce(None)][0])
    client.get("/")
    monkeypatch.setattr(table, "in_order", in_order)
    Notice.objects.all().delete()
    queries.forget_notice()
    assert "Down on Sunday" not in client.get("/").content.decode()


def test_a_signed_in_reader_has_a_page_alone(client, times_ranked):
    make_board(4)
    client.get("/")
    client.force_login(get_user_model().objects.create_user("ada"))

    own = client.get("/").content.decode()
    client.logout()
    client.cookies.clear()

    assert "Sign out ada" in own
    assert "Sign out ada" not in client.get("/").content.decode()
    assert len(times_ranked) == 2


@pytest.mark.parametrize("address", ["/?min_quality=0", "/?at=1e4", "/?search=a", "/?page=2", "/?usage_intensity=x"])
def test_every_question_has_its_own_page(client, times_ranked, address):
    make_board(60)
    client.get("/")

    assert client.get(address).content != client.get("/").content
    assert len(times_ranked) == 2


def test_an_empty_site_is_never_kept(client):
    assert not client.get("/").has_header("ETag")
    assert Entry.objects.count() == 0
