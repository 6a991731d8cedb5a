"""Takes the marks that a metered program sends, one at a time, from a Unix socket."""

from __future__ import annotations

import os
import queue
import socketserver
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from measurement.marks import LONGEST_LINE, MARKS_VARIABLE

VERBS = ("begin", "end")


@dataclass(slots=True)
class Mark:
    """A mark that waits for its answer: empty if it was taken, else what is wrong."""

    verb: str
    name: str
    _answer: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)

    def answer(self, fault: str = "") -> None:
        self._answer.put(fault)

    def wait(self) -> str:
        return self._answer.get()


class Listener:
    """Listens while open; `marks` holds those that came. None in it is the command's end (`put_end`)."""

    def __init__(self) -> None:
        self.marks: queue.SimpleQueue[Mark | None] = queue.SimpleQueue()
        # Its own folder in /tmp: the path of a socket may have only about 100 characters.
        self._folder = tempfile.TemporaryDirectory(prefix="measurement-", dir="/tmp")
        self.path = Path(self._folder.name) / "marks"
        self._server = _Server(str(self.path), _Handler)
        self._server.marks = self.marks

    @property
    def environment(self) -> dict[str, str]:
        """What the program needs to find it."""
        return os.environ | {MARKS_VARIABLE: str(self.path)}

    def put_end(self) -> None:
        self.marks.put(None)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="marks", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        while not self.marks.empty():
            if (mark := self.marks.get()) is not None:
                mark.answer("the meter has ended")
        self._folder.cleanup()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    marks: queue.SimpleQueue[Mark | None]


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        line = self.rfile.readline(LONGEST_LINE).decode("utf-8", "replace")
        verb, _, name = line.strip().partition(" ")
        if verb not in VERBS or not name:
            fault = f"a mark is `begin PHASE` or `end PHASE` (got {line.strip()[:80]!r})"
        else:
            mark = Mark(verb, name)
            self.server.marks.put(mark)
            fault = mark.wait()
        try:
            self.wfile.write(f"error {fault}\n".encode() if fault else b"ok\n")
        except OSError:  # the program has gone without waiting for the answer
            return
