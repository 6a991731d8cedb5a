"""One process of a machine reads a board, the others map its file; no file is ever taken for what it is not."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections, transaction
from django.test import Client

from leaderboard import services
from leaderboard.api.snapshots import snapshot
from leaderboard.models import Board, Entry
from leaderboard.queries import shared, store
from leaderboard.queries.columns import SCHEMA, read_columns
from leaderboard.serving.preparing import prepare
from tests.api import builders
from tests.waiting import HANG_S
from tests.worker.small_disk import small_disk

pytestmark = pytest.mark.django_db(transaction=True)
FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_ROOT = tmp_path
    return shared.folder()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Any:
    """How often a board was read from the database, by all processes together; each reading takes a while."""
    count = FORK.Value("i", 0)

    def counted(board: Board) -> Any:
        with count.get_lock():
            count.value += 1
        time.sleep(0.2)
        return read_columns(board)

    monkeypatch.setattr(store, "read_columns", counted)
    return count


def in_processes(*calls: Callable[[], Any]) -> list[Any]:
    """What each returns in a process of its own; all begin together."""
    connections.close_all()
    begin, answers = FORK.Barrier(len(calls)), [FORK.Queue() for _ in calls]

    def child(call: Callable[[], Any], answer: Any) -> None:
        begin.wait(HANG_S)
        try:
            answer.put(call())
        except Exception as error:
            answer.put(error)

    children = [FORK.Process(target=child, args=pair) for pair in zip(calls, answers, strict=True)]
    for one in children:
        one.start()
    found = [answer.get(timeout=HANG_S) for answer in answers]
    for one in children:
        one.join(HANG_S)
    return found


def taken() -> tuple[int, list[int]]:
    """Revision and entries of the only board, as a process that has just started gets them."""
    columns = store.Store().columns(Board.objects.get())
    return columns.board.revision, columns.arrays["id"].to_pylist()


def files(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir() if path.suffix != ".lock")


def test_one_process_reads_and_the_others_take(read: Any, folder: Path) -> None:
    builders.many(20)
    board = Board.objects.get()

    found = in_processes(*[taken] * 4)

    assert [len(entries) for _, entries in found] == [20] * 4
    assert read.value == 1
    mapped = shared.find_arrays(board, SCHEMA)
    assert mapped == read_columns(board).arrays
    assert snapshot(store.Store().columns(board), {"track": "digits"}) == snapshot(
        read_columns(board), {"track": "digits"}
    )


def test_after_a_change_no_process_takes_what_was(read: Any, folder: Path) -> None:
    builders.many(5)
    revision, before = taken()
    services.take_down(Entry.objects.filter(pk=before[0]), reason="looks wrong")

    found = in_processes(*[taken] * 3)

    assert found == [(revision + 1, before[1:])] * 3
    assert read.value == 2
    assert files(folder) == [".arrow"]  # the past revision's is gone


def test_a_reader_who_saw_the_board_before_a_change_gets_the_later_one(read: Any, folder: Path) -> None:
    builders.many(3)
    early = Board.objects.get()
    services.take_down(Entry.objects.filter(pk=Entry.objects.first().pk), reason="looks wrong")
    kept = taken()

    late = store.Store().columns(early)

    assert (late.board.revision, late.arrays["id"].to_pylist()) == kept
    assert read.value == 1


def test_what_is_not_committed_is_for_nobody_else(folder: Path) -> None:
    builders.many(3)
    with transaction.atomic():
        services.take_down(Entry.objects.filter(pk=Entry.objects.first().pk), reason="looks wrong")
        assert len(taken()[1]) == 2
        transaction.set_rollback(True)
    assert not folder.exists()
    assert len(taken()[1]) == 3


def test_a_killed_reader_leaves_no_lock_and_no_file(read: Any, folder: Path) -> None:
    builders.many(3)
    board = Board.objects.get()
    connections.close_all()
    held = FORK.Event()

    def die_reading() -> None:
        with shared.turn(board):
            shared._written(shared._path(board, "arrow"), partial(_half, held))

    reader = FORK.Process(target=die_reading)
    reader.start()
    assert held.wait(HANG_S)
    os.kill(reader.pid, signal.SIGKILL)
    reader.join(HANG_S)
    assert any("unfinished" in name for name in files(folder))

    assert len(taken()[1]) == 3
    assert (read.value, files(folder)) == (1, [".arrow"])


def _half(held: Any, target: Path) -> None:
    target.write_bytes(b"ARROW1")
    held.set()
    time.sleep(HANG_S)


@pytest.mark.parametrize("keep", [0, 6, 0.5, 0.99])
def test_a_torn_file_is_read_anew(read: Any, folder: Path, keep: float) -> None:
    builders.many(30)
    whole = taken()
    (path,) = folder.glob("*.arrow")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: int(keep if keep > 1 else keep * len(content))])

    assert taken() == taken() == whole
    assert read.value == 2
    assert path.read_bytes() == content


def test_where_nothing_can_be_written_each_reads_for_itself(read: Any, settings: Any, folder: Path) -> None:
    builders.many(30)
    folder.parent.mkdir()
    folder.write_text("a file in its place")
    assert [len(entries) for _, entries in in_processes(taken, taken)] == [30, 30]
    with small_disk(1) as settings.DATA_ROOT:
        with (settings.DATA_ROOT / "full").open("wb", buffering=0) as filling, suppress(OSError):
            while filling.write(bytes(4096)):
                pass
        assert [len(entries) for _, entries in in_processes(taken, taken)] == [30, 30]
        assert files(shared.folder()) == []
    assert read.value == 4


def test_files_that_nobody_takes_any_more_are_removed(folder: Path) -> None:
    builders.many(3)
    folder.mkdir(parents=True)
    old, new = folder / "anothersite-1-digest.arrow", folder / "anothersite-2-digest.arrow"
    for path in (old, new):
        path.write_bytes(b"of another release")
    os.utime(old, (0, 0))

    taken()

    assert (old.exists(), new.exists()) == (False, True)


def test_a_web_process_has_the_boards_before_its_first_request(read: Any, folder: Path) -> None:
    builders.many(5)

    def serve() -> tuple[int, int]:
        prepare(WSGIHandler(), lambda: None)
        return read.value, Client().get("/api/v1/leaderboard").json()["count"]

    assert in_processes(serve, serve) == [(1, 5), (1, 5)]
    assert (read.value, files(folder)) == (1, [".arrow", ".gz"])
