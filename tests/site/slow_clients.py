"""Clients that send or read a byte now and then, hundreds at once, and never finish."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import Self

FORM = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
# What each sends at first, and then again and again.
KINDS = {
    "silent": (b"", b""),
    "slow headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-A: b\r\n"),
    "slow body": (FORM + b"Content-Length: 60000\r\n\r\na=", b"a"),
    "slow chunks": (FORM + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    # Nearly five megabytes, of which hardly one byte is read; then more is asked for.
    "slow reader": (b"GET /static/plotly/plotly.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3, b""),
}
EVERY_S = 1.0


class SlowClients:
    """`number` connections of a kind to a port of this machine, while the context lasts."""

    def __init__(self, kind: str, port: int, number: int) -> None:
        self._first, self._then = KINDS[kind]
        self._port, self._number = port, number
        self._sockets: list[socket.socket] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._drip)

    def __enter__(self) -> Self:
        for _ in range(self._number):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", self._port))
            client.sendall(self._first)
            self._sockets.append(client)
        self._thread.start()
        return self

    def _drip(self) -> None:
        while not self._ended.wait(EVERY_S):
            for client in self._sockets if self._then else ():
                try:
                    client.sendall(self._then)
                except OSError:
                    continue

    def held(self) -> int:
        """How many the server has not hung up on."""
        with selectors.DefaultSelector() as selector:
            for client in self._sockets:
                selector.register(client, selectors.EVENT_READ)
            readable = [key.fileobj for key, _ in selector.select(0)]
        return self._number - sum(1 for client in readable if not _peek(client))

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for client in self._sockets:
            client.close()


def _peek(client: object) -> bytes:
    assert isinstance(client, socket.socket)
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b"?"
    except OSError:
        return b""
