"""An answer that is the same for everybody is given again without its view, and to nobody who asks anything else."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.test import Client

from leaderboard import queries
from leaderboard.api import snapshots
from leaderboard.models import Board, Hardware
from leaderboard.presentation import kept_answers, request_times
from leaderboard.views import board as board_views
from leaderboard.views import kept_pages
from tests.factories import make_board

pytestmark = pytest.mark.django_db

PAGE, SNAPSHOT = "/", "/api/v1/leaderboard/snapshot"
BOTH = pytest.mark.parametrize("address", [PAGE, SNAPSHOT])
OWN = ("X-Request-ID", "Date")


@pytest.fixture(autouse=True)
def _nothing_at_hand():
    kept_answers.forget()
    yield
    kept_answers.forget()


@pytest.fixture
def viewed(monkeypatch):
    """The addresses for which a view was called."""
    seen = []
    state_of, find_board = kept_pages.state_of, queries.find_board
    monkeypatch.setattr(board_views.kept_pages, "state_of", lambda *given: seen.append(PAGE) or state_of(*given))
    monkeypatch.setattr(queries, "find_board", lambda *given: seen.append(SNAPSHOT) or find_board(*given))
    return seen


def _ask(client, address, **headers):
    return client.get(address, headers={"accept-encoding": "gzip"} | headers)


@BOTH
def test_the_next_reader_gets_all_of_it(client, viewed, address, django_assert_num_queries):
    make_board(3)
    first = _ask(client, address)
    viewed.clear()

    with django_assert_num_queries(1):
        second = _ask(Client(), address)

    assert viewed == []
    assert (second.status_code, second.content) == (200, first.content)
    assert {name: second[name] for name in second.headers if name not in OWN} == {
        name: first[name] for name in first.headers if name not in OWN
    }
    assert second["X-Request-ID"] != first["X-Request-ID"]


@BOTH
def test_it_is_counted_by_its_route(client, address):
    make_board(3)
    _ask(client, address)
    route = "" if address == PAGE else address[1:]
    before = _counted(route)
    _ask(client, address)
    assert _counted(route) == before + 1


def _counted(route):
    labels = {"route": route, "method": "GET", "status": "2xx"}
    return request_times.COUNTED.get_sample_value("leaderboard_request_seconds_count", labels) or 0


@BOTH
@pytest.mark.parametrize(
    "change",
    [
        lambda board: Board.objects.filter(pk=board.pk).update(revision=board.revision + 1),
        lambda board: Hardware.objects.filter(pk=board.hardware_id).update(name="Renamed"),
        lambda board: make_board(2, track="cifar10"),
    ],
    ids=["published", "renamed", "another board"],
)
def test_whatever_changes_is_seen_at_once(client, viewed, address, change):
    board = make_board(3)
    _ask(client, address)
    change(board)
    viewed.clear()
    assert _ask(client, address).status_code == 200
    assert address in viewed


@BOTH
def test_a_notice_that_comes_while_an_answer_is_made_is_on_the_next_one(client, viewed, address, monkeypatch):
    make_board(3)
    notices = iter(["", ""])
    monkeypatch.setattr(queries, "current_notice", lambda: next(notices, "Down on Sunday"))
    _ask(client, address)
    viewed.clear()
    monkeypatch.setattr(queries, "current_notice", lambda: "Down on Sunday")
    _ask(client, address)
    assert address in viewed


def test_a_change_takes_away_all_that_was_kept_before_it(client):
    board = make_board(3)
    for number in range(5):
        _ask(client, SNAPSHOT, **{"x-a": str(number)})
    Board.objects.filter(pk=board.pk).update(revision=board.revision + 1)
    _ask(client, SNAPSHOT)
    assert len(kept_answers._store._answers) == 1
    assert kept_answers._store._bytes == sum(one.bytes for one in kept_answers._store._answers.values())


@BOTH
@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer of-nobody"},
        {"cookie": "sessionid=of-nobody"},
        {"cookie": "guide=read"},
        {"host": "localhost"},
        {"accept": "application/json"},
        {"accept-encoding": "identity"},
        {"hx-request": "true"},
        {"x-of-tomorrow": "1"},
    ],
    ids=str,
)
def test_who_asks_otherwise_is_answered_anew(client, viewed, address, headers):
    make_board(3)
    _ask(client, address)
    viewed.clear()
    _ask(client, address, **headers)
    assert address in viewed


@BOTH
def test_what_every_client_sends_of_itself_changes_nothing(client, viewed, address):
    make_board(3)
    _ask(client, address)
    viewed.clear()
    _ask(client, address, **{"user-agent": "b", "referer": "https://a.example/", "x-forwarded-for": "192.0.2.7"})
    assert viewed == []


def test_a_signed_in_reader_s_page_is_given_to_nobody(client, viewed):
    make_board(3)
    client.force_login(get_user_model().objects.create_user("ada"))
    _ask(client, PAGE)
    viewed.clear()
    _ask(Client(), PAGE)
    assert viewed == [PAGE]


@BOTH
def test_head_and_post_are_answered_by_their_views(client, address):
    make_board(3)
    _ask(client, address)
    assert client.head(address).content == b""
    assert client.post(address).status_code == 405


def test_no_more_is_kept_than_there_is_room_for(client, viewed, monkeypatch):
    make_board(3)
    _ask(client, SNAPSHOT)
    (one,) = kept_answers._store._answers.values()
    monkeypatch.setattr(kept_answers, "MOST_BYTES", int(2.5 * one.bytes))
    for same in ("scope=accelerator", "&scope=accelerator", "scope=accelerator&"):
        _ask(client, f"{SNAPSHOT}?{same}")
    assert len(kept_answers._store._answers) == 2
    viewed.clear()
    _ask(client, SNAPSHOT)
    assert SNAPSHOT in viewed


def test_long_headers_take_room_too(client, monkeypatch):
    make_board(3)
    monkeypatch.setattr(kept_answers, "MOST_BYTES", 100_000)
    etag = _ask(client, SNAPSHOT)["ETag"]
    for number in range(10):
        _ask(client, SNAPSHOT, **{"if-none-match": f"{etag}, {'a' * 30_000}{number}"})
    assert len(kept_answers._store._answers) <= 3


def test_a_body_is_kept_once_for_all_who_ask(client):
    make_board(3)
    _ask(client, SNAPSHOT)
    (one,) = kept_answers._store._answers.values()
    assert any(one.content is body for body in snapshots._kept.values())


@BOTH
def test_without_its_database_nothing_is_said_to_be_unchanged(client, viewed, address, monkeypatch):
    make_board(3)
    _ask(client, address)
    viewed.clear()
    glance = queries.glance
    fails = iter([True])
    monkeypatch.setattr(queries, "glance", lambda: _gone() if next(fails, False) else glance())
    assert _ask(client, address).status_code == 200
    assert address in viewed


def _gone():
    raise DatabaseError("server closed the connection unexpectedly")


def test_who_waits_shares_a_look_that_began_after_it_asked(monkeypatch):
    looks, going, may_end = [], Event(), Event()

    def look():
        looks.append(None)
        number = len(looks)
        going.set()
        assert may_end.wait(60)
        return ((number,),)

    monkeypatch.setattr(queries, "glance", look)
    seen = kept_answers._Seen()
    monkeypatch.setattr(kept_answers, "MOST_WAIT_S", 60)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(seen.since, time.monotonic())
        assert going.wait(60)
        later = [pool.submit(seen.since, time.monotonic()) for _ in range(5)]
        may_end.set()
    assert first.result() == ((1,),)
    assert {one.result() for one in later} == {((2,),)}
    assert len(looks) == 2


def test_who_waits_too_long_looks_alone(monkeypatch):
    seen = kept_answers._Seen()
    monkeypatch.setattr(kept_answers, "MOST_WAIT_S", 0.001)
    monkeypatch.setattr(queries, "glance", lambda: (("alone",),))
    with seen._turn:
        assert seen.since(time.monotonic()) == (("alone",),)
