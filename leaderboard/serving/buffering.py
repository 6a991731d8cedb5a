"""The web process: gunicorn starts, watches and renews it; waitress talks to its clients.

Waitress reads a request to its end before a thread works on it, and sends the response after the thread is done: a
client that sends or reads slowly holds a socket, and no thread. docs/benchmarks.md compares this with other servers.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from threading import Lock
from typing import Any

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import RequestEntityTooLarge, RequestHeaderFieldsTooLarge

MOST_CONNECTIONS = 4_000
FILES_A_CONNECTION = 2  # its socket, and the file that is sent on it
OTHER_FILES = 200
MOST_HEADER_BYTES, MOST_ADDRESS_BYTES = 32 * 1024, 8 * 1024
# What the largest upload takes (api/views/measurements.py); below it the site answers in its own words.
MOST_BODY_BYTES = 20 * 1024 * 1024
# Seconds in which a request must have arrived, and for which a connection may be silent.
MOST_REQUEST_S, MOST_SILENCE_S = 120, 60
MOST_SENT_AT_ONCE_BYTES = 64 * 1024
# Of one response. Above it a thread would wait for the client.
MOST_UNSENT_BYTES = 2**40
# A shorter body is copied once or twice on its way, for less than it takes to avoid that.
LEAST_UNCOPIED_BYTES = 16 * 1024
# Waitress holds so much of a response in memory, and more than that on disk.
MOST_HELD_BYTES = 2**20
# Of all longer bodies that are sent as they lie in memory: slow readers of as many others fill the disk, not memory.
MOST_LONG_BODIES_BYTES = 64 * 2**20
SECURITY_HEADERS = [
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
]


class Request(HTTPRequestParser):
    """One request. `ahead` is what its client sent after it without waiting for the response (pipelining)."""

    ahead = b""
    head = b""

    def received(self, data: bytes) -> int:
        if not self.headers_finished:
            self.head = (self.head + data)[:MOST_ADDRESS_BYTES]
        used: int = super().received(data)
        if self.completed:
            self.ahead, used = data[used:], len(data)
        return used


class Refusal(ErrorTask):
    """The answer to what the site itself can't read: JSON under /api/, else a line of text."""

    def execute(self) -> None:
        error, (line, ends, _) = self.request.error, self.request.head.lstrip().partition(b"\r\n")
        self.status, message = f"{error.code} {error.reason}", str(error.body)
        if isinstance(error, RequestHeaderFieldsTooLarge) and ends:
            message = f"the headers have more than {MOST_HEADER_BYTES:,} bytes; send fewer"
        elif isinstance(error, RequestHeaderFieldsTooLarge):
            self.status = "414 URI Too Long"
            message = f"the address has more than {MOST_ADDRESS_BYTES:,} bytes; send fewer parameters"
        kind, body = "text/plain; charset=utf-8", f"{message}\n"
        if line.partition(b" ")[2].startswith(b"/api/"):
            kind, body = "application/json", json.dumps({"errors": [{"field": None, "message": message}]})
        self.response_headers += [("Content-Type", kind), *SECURITY_HEADERS]
        self.set_close_on_finish()
        self.content_length = len(body.encode())  # type: ignore[assignment]  # None until it is known
        self.write(body.encode())


def _refusal(channel: HTTPChannel, request: Request) -> Refusal | WSGITask:
    """The site words the answer to a body that is too large; it looks at the length alone."""
    if not isinstance(request.error, RequestEntityTooLarge):
        return Refusal(channel, request)
    request.headers.setdefault("CONTENT_LENGTH", str(request.body_bytes_received))
    request.headers["CONNECTION"] = "close"
    return WSGITask(channel, request)


class Channel(HTTPChannel):
    """A connection. Its requests are answered one after the other, each after the last response has been sent."""

    parser_class = Request
    error_task_class = staticmethod(_refusal)  # type: ignore[assignment]  # is only called
    sendbuf_len: int
    began_at = 0.0
    _ahead = b""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.sendbuf_len = min(self.sendbuf_len, MOST_SENT_AT_ONCE_BYTES)

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self.began_at = time.monotonic()
        taken: bool = super().received(data)
        if self.requests:
            self._ahead = self.requests[-1].ahead
        return taken

    def readable(self) -> bool:
        if not super().readable():
            return False
        if self._ahead:
            data, self._ahead = self._ahead, b""
            self.received(data)
            return False
        return True

    def is_late(self) -> bool:
        """Whether a request has been arriving for too long."""
        return self.request is not None and time.monotonic() > self.began_at + MOST_REQUEST_S


class BufferingWorker(Worker):
    """gunicorn's worker process, with waitress inside."""

    def run(self) -> None:
        """Serve until a signal ends it, then finish what has begun, for as long as `graceful_timeout` allows."""
        from leaderboard.serving.preparing import keep_little_memory, prepare

        keep_little_memory()
        prepare(self.wsgi, self.notify)
        server = create_server(
            self._counted,
            sockets=[listener.sock for listener in self.sockets],
            threads=self.cfg.threads,
            connection_limit=_connections_possible(),
            max_request_header_size=MOST_HEADER_BYTES,
            max_request_body_size=MOST_BODY_BYTES,
            channel_timeout=MOST_SILENCE_S,
            outbuf_high_watermark=MOST_UNSENT_BYTES,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=False,  # Django reads them, if the setting HTTPS says so
            log_socket_errors=False,
            ident=None,
        )
        server.channel_class = Channel
        while self.alive and os.getppid() == self.ppid:
            self.notify()
            wasyncore.poll2(1.0, server._map)
            for channel in list(server.active_channels.values()):
                channel.will_close = channel.will_close or channel.is_late()
        # Not before: gunicorn reads this module to start, and this needs Django's settings.
        from leaderboard.api.waiting import leaving

        leaving.set()
        server.accepting = False
        ends_at = time.monotonic() + self.cfg.graceful_timeout
        while time.monotonic() < ends_at and any(map(_is_busy, server.active_channels.values())):
            self.notify()
            wasyncore.poll2(0.1, server._map)
        server.task_dispatcher.shutdown(timeout=max(0.0, ends_at - time.monotonic()))

    def _counted(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False
        return _uncopied(self.wsgi(environ, start_response))


class _LongBodies:
    """Bodies that are being sent as they lie in memory, each counted once, however many read it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._readers: dict[int, int] = {}
        self._bytes = 0

    def take(self, content: bytes) -> bool:
        """Whether there is room for one reader more of it."""
        with self._lock:
            if id(content) not in self._readers:
                if self._bytes + len(content) > MOST_LONG_BODIES_BYTES:
                    return False
                self._bytes += len(content)
            self._readers[id(content)] = self._readers.get(id(content), 0) + 1
            return True

    def give_back(self, content: bytes) -> None:
        with self._lock:
            self._readers[id(content)] -= 1
            if not self._readers[id(content)]:
                del self._readers[id(content)]
                self._bytes -= len(content)


class _Body(ReadOnlyFileBasedBuffer):
    """A body as it lies in memory, until all of it has been sent or its reader has gone."""

    def __init__(self, content: bytes, within: _LongBodies | None) -> None:
        super().__init__(BytesIO(content))
        self._content, self._within = content, within

    def get(self, numbytes: int = -1, skip: bool = False) -> memoryview:
        """All that is left, without a copy: the kernel takes as much of it as there is room for, in one call."""
        left = memoryview(self._content)[len(self._content) - self.remain :]
        if skip:
            self.remain = 0
        return left

    def skip(self, numbytes: int, allow_prune: bool = False) -> None:
        self.remain -= numbytes

    def close(self) -> None:
        super().close()
        within, self._within = self._within, None
        if within is not None:
            within.give_back(self._content)


_long_bodies = _LongBodies()


def _uncopied(response: Iterable[bytes]) -> Iterable[bytes]:
    """A body is sent as it lies in memory: one for all who read it, with no copy on disk for each.

    Long ones as long as there is room in memory for those that slow readers hold.
    """
    content = getattr(response, "content", b"")
    if len(content) < LEAST_UNCOPIED_BYTES:
        return response
    is_long = len(content) > MOST_HELD_BYTES
    if is_long and not _long_bodies.take(content):
        return response
    response.close()  # type: ignore[attr-defined]  # Django's, and in the thread that made it
    body: Iterable[bytes] = _Body(content, _long_bodies if is_long else None)
    return body


def _is_busy(channel: Channel) -> bool:
    return bool(channel.requests or channel.total_outbufs_len)


def _connections_possible() -> int:
    """As many as files may be open; the soft limit of that is raised as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS * FILES_A_CONNECTION + OTHER_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(1, min(MOST_CONNECTIONS, (most - OTHER_FILES) // FILES_A_CONNECTION))
