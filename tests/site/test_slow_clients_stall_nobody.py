"""Five hundred clients that never finish, of every kind, and the site answers others; by the real gunicorn."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from leaderboard.serving.buffering import MOST_SENT_AT_ONCE_BYTES
from tests.live.site import free_port
from tests.site.slow_clients import KINDS, SlowClients
from tests.waiting import HANG_S, wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 500
# A client that waits for a thread waits for as long as the slow ones like; this is shorter than any of their limits.
ANSWERS = 20


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """gunicorn as `make run` and compose start it, on an empty database, with few files allowed at first."""
    folder, number = tmp_path_factory.mktemp("site"), free_port()
    environment = {"PATH": os.environ["PATH"], "DATA_ROOT": str(folder), "PORT": str(number), "DEBUG": "true"}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    command = "ulimit -Sn 512; exec python -m gunicorn --config python:leaderboard.gunicorn"
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with (folder / "log").open("w+b") as log:
        server = subprocess.Popen(["bash", "-c", command], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: answers(number), "gunicorn to answer", every_s=0.1)
            yield number
        finally:
            server.terminate()
            server.wait(HANG_S)


def answers(port: int, address: str = "/healthz") -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_S)
    try:
        connection.request("GET", address)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.parametrize("kind", KINDS)
def test_others_are_answered(port: int, kind: str) -> None:
    with SlowClients(kind, port, CLIENTS) as slow:
        for _ in range(ANSWERS):
            assert answers(port)
        assert answers(port, "/about/")
        # All are still there: it was not by hanging up that the site went on, nor by being late.
        assert slow.held() == CLIENTS


def ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_S) as client:
        client.sendall(request)
        answer = b""
        try:
            while more := client.recv(65536):
                answer += more
        except ConnectionResetError:
            pass
        return answer


LONG = b"x" * 40_000
UNREADABLE = {
    b"GET /api/v1/leaderboard?search=" + LONG: b"414 URI Too Long",
    b"GET /api/v1/leaderboard HTTP/1.1\r\nX-A: " + LONG: b"431 Request Header Fields Too Large",
    b"GET /api/v1/leaderboard HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n": b"501 Not Implemented",
    b"GET /api/v1/leaderboard HTTP/1.1\r\nA b: c\r\n\r\n": b"400 Bad Request",
    b"POST /api/v1/submissions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000000\r\n\r\n": b"413 ",
    b"no such thing\r\n\r\n": b"400 Bad Request",
    b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000000\r\n\r\n": b"413 ",
}


@pytest.mark.parametrize("request_", UNREADABLE, ids=[status.decode() for status in UNREADABLE.values()])
def test_what_no_application_can_read_is_refused_in_the_site_s_form(port: int, request_: bytes) -> None:
    head, _, body = ask(port, request_).partition(b"\r\n\r\n")
    assert head.partition(b" ")[2].startswith(UNREADABLE[request_])
    for name in (b"Content-Security-Policy", b"X-Frame-Options", b"X-Content-Type-Options", b"Referrer-Policy"):
        assert name in head
    assert (b'"errors"' in body) == (b"/api/" in request_[:40])


def test_requests_sent_ahead_are_answered_in_order(port: int) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"HEAD /about/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = ask(port, one * 3 + last)
    assert answer.count(b"\r\n\r\nok\n") == 3
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert answer.endswith(b"\r\n\r\n"), "HEAD has a body"


def test_a_long_answer_arrives_whole_and_the_next_one_after_it(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_S)
    documents = []
    for _ in range(2):
        connection.request("GET", "/api/schema/")
        documents.append(connection.getresponse().read())
    connection.close()
    assert len(documents[0]) > MOST_SENT_AT_ONCE_BYTES
    assert documents[0] == documents[1]
    assert "paths" in yaml.safe_load(documents[0])
