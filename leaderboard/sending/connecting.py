"""Connections to addresses that somebody named: to the public internet alone, and not for longer than a while."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from ssl import SSLContext
from typing import Any

from django.conf import settings
from httpcore2 import (
    SOCKET_OPTION,
    ConnectError,
    ConnectTimeout,
    NetworkBackend,
    NetworkStream,
    ReadTimeout,
    SyncBackend,
)

from leaderboard.domain.addresses import is_link_local, is_public


class NotPublic(Exception):
    """A name leads to an address that the site calls for nobody. It is not said which: it may be of our network."""


class Within(NetworkStream):
    """A connection of which everything together ends by a deadline, however slowly the other side sends."""

    def __init__(self, stream: NetworkStream, ends_at: float) -> None:
        self._stream, self._ends_at = stream, ends_at

    def _left(self, timeout: float | None) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise ReadTimeout("the time is over")
        return left if timeout is None else min(timeout, left)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        return Within(self._stream.start_tls(ssl_context, server_hostname, self._left(timeout)), self._ends_at)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class PublicNetwork(NetworkBackend):
    """Resolves a name once, checks every address of it, and connects to one of these: no second answer counts."""

    def __init__(self, ends_at: float, resolve: Callable[..., Iterable[Any]] = socket.getaddrinfo) -> None:
        self._ends_at, self._resolve, self._sockets = ends_at, resolve, SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Raises NotPublic, ConnectError for a name that has no address, and ConnectTimeout once the time is over."""
        try:
            found = [str(answer[4][0]) for answer in self._resolve(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError):
            raise ConnectError("its name has no address") from None
        if not found or not all(map(_is_allowed, found)):
            raise NotPublic
        for last, address in enumerate(found, 1 - len(found)):
            left_s = self._ends_at - time.monotonic()
            if left_s <= 0:  # its name servers took it all
                raise ConnectTimeout("the time is over")
            try:
                stream = self._sockets.connect_tcp(address, port, left_s, local_address, socket_options or [])
            except ConnectError:  # such as of IPv6 on a machine that has none
                if last == 0:
                    raise
            else:
                return Within(stream, self._ends_at)
        raise AssertionError("one of them is the last")


def _is_allowed(address: str) -> bool:
    return is_public(address) or (settings.WEBHOOKS_PRIVATE and not is_link_local(address))
