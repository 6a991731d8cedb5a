"""Long answers are sent as they lie in memory only while those that slow readers hold leave room; by real sockets."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import psutil
import pytest
from django.http import HttpResponse
from waitress import wasyncore
from waitress.server import create_server

from leaderboard.serving import buffering
from tests.waiting import HANG_S, wait_until

MIB = 2**20
LONG = 4 * MIB
ROOM = 3 * LONG
READERS = 40
SHARED = os.urandom(LONG)


def _site(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A body that all share, or one of the reader's own, as Django answers."""
    content = SHARED if environ["PATH_INFO"] == "/shared" else bytes([len(environ["QUERY_STRING"])]) * LONG
    response = HttpResponse(content)
    start_response("200 OK", [("Content-Length", str(LONG))])
    return buffering._uncopied(response)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(buffering, "MOST_LONG_BODIES_BYTES", ROOM)
    monkeypatch.setattr(buffering, "_long_bodies", buffering._LongBodies())
    server = create_server(
        _site, host="127.0.0.1", port=0, threads=2, outbuf_high_watermark=buffering.MOST_UNSENT_BYTES
    )
    server.channel_class = buffering.Channel
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            wasyncore.poll2(0.05, server._map)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(server.effective_port)
    finally:
        ended.set()
        thread.join()
        server.task_dispatcher.shutdown()
        wasyncore.close_all(server._map)


@pytest.fixture
def readers(port: int) -> Iterator[Callable[[str], socket.socket]]:
    """Begins readers that take the first bytes of an answer, and no more."""
    begun: list[socket.socket] = []

    def begin(address: str) -> socket.socket:
        client = socket.socket()
        begun.append(client)
        client.settimeout(HANG_S)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(("127.0.0.1", port))
        client.sendall(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        return client

    yield begin
    for client in begun:
        client.close()


def _held() -> int:
    return buffering._long_bodies._bytes


def _read(port: int, address: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_S)
    connection.request("GET", address)
    content = connection.getresponse().read()
    connection.close()
    return content


def test_many_readers_of_their_own_answers_take_the_room_that_there_is(port, readers):
    before = psutil.Process().memory_info().rss
    for number in range(READERS):
        readers(f"/own?{'a' * number}")
    assert _held() == ROOM
    # What is above the room lies on disk.
    assert psutil.Process().memory_info().rss - before < READERS * LONG / 2
    assert _read(port, "/own?aaa") == b"\3" * LONG


def test_readers_of_one_answer_share_it(port, readers):
    for _ in range(READERS):
        readers("/shared")
    assert _held() == LONG
    assert _read(port, "/shared") == SHARED


def test_who_has_gone_or_read_to_the_end_holds_nothing(port, readers):
    begun = [readers(f"/own?{number}") for number in range(2)]
    assert _held() == 2 * LONG
    for client in begun:
        client.close()
    assert _read(port, "/own") == bytes(LONG)
    wait_until(lambda: _held() == 0, "all to be given back")
