"""However many readers come, a process reads a board once after each change, and none gets half a change."""

from __future__ import annotations

import gzip
import json
import time
from functools import partial
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from leaderboard import services
from leaderboard.models import Board, Entry
from leaderboard.queries import at_hand, columns, store
from tests.api import builders
from tests.services.together import together
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/leaderboard"


def counted(monkeypatch: pytest.MonkeyPatch, pause_s: float = 0.2) -> list[Board]:
    """The boards that are really read from now on, each as slowly as a large one."""
    read, real = [], store.read_columns

    def slow(board: Board) -> Any:
        read.append(board)
        time.sleep(pause_s)
        return real(board)

    monkeypatch.setattr(store, "read_columns", slow)
    return read


def test_readers_who_come_together_wait_for_one_reading(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    builders.many(20)
    read = counted(monkeypatch)
    answers = together(*[partial(Client().get, f"{ADDRESS}?usage_intensity={10**n}") for n in range(6)])
    assert [answer.json()["count"] for answer in answers] == [20] * 6
    assert len(read) == 1


def test_a_change_while_the_board_is_read_is_seen_by_the_next_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    builders.many(3)
    read = counted(monkeypatch)
    first = Entry.objects.first()

    def take_down() -> int:
        wait_until(lambda: read, "the board to be read")
        return services.take_down(Entry.objects.filter(pk=first.pk), reason="looks wrong")

    during, removed = together(partial(Client().get, ADDRESS), take_down)
    assert removed == 1
    assert during.json()["count"] == len(during.json()["results"])
    after = Client().get(ADDRESS).json()
    assert (after["count"], after["revision"]) == (2, during.json()["revision"] + 1)
    assert first.pk not in [row["entry"] for row in after["results"]]


def test_the_last_entry_taken_down_leaves_an_empty_board(client: Client) -> None:
    builders.entry()
    assert client.get(ADDRESS).json()["count"] == 1
    services.take_down(Entry.objects.all(), reason="looks wrong")
    assert client.get(ADDRESS).json()["count"] == 0
    assert Board.objects.get().size == 0


def test_boards_asked_for_least_lately_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    boards = [builders.board(slug) for slug in ("a", "b", "c")]
    for board in boards:
        builders.entry(on=board)
    monkeypatch.setattr(store.shared, "can_share", lambda: False)  # other processes' readings are no memory of ours
    read, kept = counted(monkeypatch, 0), store.Store(most_entries=2)
    for position in (0, 1, 0, 2, 0, 1):
        kept.columns(boards[position])
    assert [boards.index(board) for board in read] == [0, 1, 2, 1]


def test_snapshot_is_made_once_and_sent_compressed_to_whoever_takes_it(client: Client) -> None:
    builders.three_entries()
    plain = client.get(f"{ADDRESS}/snapshot")
    packed = client.get(f"{ADDRESS}/snapshot", headers={"Accept-Encoding": "gzip, br"})
    assert (plain.headers.get("Content-Encoding"), packed["Content-Encoding"]) == (None, "gzip")
    assert gzip.decompress(packed.content) == plain.content
    assert plain["Vary"] == packed["Vary"] == "Accept-Encoding"
    assert json.loads(plain.content)["columns"]["phases"][0][0]["phase"] == "train"


def test_lines_that_readers_share_answer_each_one_s_question(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    builders.many(6)
    made, real = [], columns._made
    monkeypatch.setattr(columns, "_made", lambda model, *given: made.append(model) or real(model, *given))
    monkeypatch.setattr(at_hand, "MOST_AT_HAND", 6)
    addresses = [f"{ADDRESS}?usage_intensity={number}" for number in ("1", "1e9")]
    alone = [client.get(address).json()["results"] for address in addresses]

    assert made.count(Entry) == 6
    assert alone[0] != alone[1]
    for address, expected in zip(addresses, alone, strict=True):
        Board.objects.update(revision=F("revision") + 1)
        assert client.get(address).json()["results"] == expected
        assert client.get(f"{address}&search=no-such-thing").json()["results"] == []
    assert made.count(Entry) == 18


def test_a_small_store_of_lines_loses_none(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    builders.many(6)
    expected = client.get(ADDRESS).json()
    monkeypatch.setattr(at_hand, "MOST_AT_HAND", 4)
    Board.objects.update(revision=F("revision") + 1)
    pages = [client.get(ADDRESS, {"page_size": 3, "page": page}).json()["results"] for page in (1, 2, 1)]
    assert [row["entry"] for page in pages[:2] for row in page] == [row["entry"] for row in expected["results"]]
    assert pages[2] == pages[0]


def test_lines_of_many_boards_take_the_room_of_one(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_hand, "MOST_AT_HAND", 4)
    monkeypatch.setattr(columns, "_at_hand", at_hand.EntriesAtHand())
    boards = [builders.board(slug) for slug in ("a", "b", "c")]
    for board in boards:
        for _ in range(3):
            builders.entry(on=board)
    for board in (*boards, *boards):
        shown = client.get(ADDRESS, {"hardware": board.hardware.slug}).json()
        assert shown["count"] == len(shown["results"]) == 3
        assert len(columns._at_hand) <= 4
