"""A server before the site that loses requests and answers, as networks and restarts do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Flaky:
    """`plan`: what happens to the next requests, in order; then all pass. `seen`: method, path, headers of each."""

    address: str = ""
    plan: list[str] = field(default_factory=list)
    seen: list[tuple[str, str, Message]] = field(default_factory=list)


@contextmanager
def flaky_before(site: str) -> Iterator[Flaky]:
    """Acts of the plan: `lose request`, `lose answer`, `503`, `html`, or `redirect ADDRESS`; anything else passes."""
    flaky = Flaky()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            flaky.seen.append((self.command, self.path, self.headers))
            act = flaky.plan.pop(0) if flaky.plan else ""
            if act == "lose request":
                return
            if act == "503":
                self._answer(503, b"", {"Retry-After": "1"})
            elif act == "html":
                self._answer(200, b"<html>a login page</html>", {})
            elif act.startswith("redirect "):
                self._answer(307, b"", {"Location": act.removeprefix("redirect ")})
            else:
                status, headers, answer = self._pass_on(body)
                if act != "lose answer":
                    self._answer(status, answer, headers)

        do_GET = do_POST = _handle  # noqa: N815 - as the base class calls them

        def _pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection(urlsplit(site).netloc)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            kept = ("Content-Type", "Location", "Retry-After", "RateLimit")
            return answer.status, {name: answer.headers[name] for name in kept if name in answer.headers}, content

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    flaky.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield flaky
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
