"""What a web process does before it takes requests, so that its first reader waits no longer than the next."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pyarrow as pa
import structlog
from django.db import connections
from django.template import engines
from django.template.loader import get_template

log = structlog.get_logger()

FIRST_ASKED = ("/", "/api/v1/leaderboard")
# Of mallopt(3): how many arenas; from how many bytes on memory is the kernel's again once it is free.
MALLOC_OPTIONS = {-8: 1, -3: 1024 * 1024}


def keep_little_memory() -> None:
    """Else each thread's freed memory is kept for it: by glibc, and by Arrow's own allocator once more."""
    pa.set_memory_pool(pa.system_memory_pool())
    with suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL(None)
        for option, value in MALLOC_OPTIONS.items():
            library.mallopt(option, value)


def load_code() -> None:
    """What pages need and nothing has asked for yet: the views, and the site's own templates."""
    import_module("leaderboard.urls")
    for folder in engines["django"].dirs:
        for path in Path(folder).rglob("*.html"):
            get_template(str(path.relative_to(folder)))


def prepare(application: Callable[..., Iterable[bytes]], alive: Callable[[], object]) -> None:
    """Take the fullest boards and their snapshots, and answer what readers ask first. Never fails: it only warns.

    What no process of the machine has read yet is read by a child, whose memory ends with it. `alive` is called every
    now and then.
    """
    try:
        _in_child(_take_boards, alive)
        _take_boards(alive)
        for address in FIRST_ASKED:
            alive()
            _ask(application, address)
    except Exception as error:
        log.warning("first answers will take longer", reason=repr(error))
    finally:
        connections.close_all()


def _take_boards(alive: Callable[[], object]) -> None:
    from leaderboard import queries
    from leaderboard.api.rows import group
    from leaderboard.api.snapshots import snapshot
    from leaderboard.domain.board_query import LeaderboardQuery

    for board in queries.fullest_boards():
        alive()
        snapshot(queries.columns_of(board), group(board, LeaderboardQuery()))


def _in_child(work: Callable[[Callable[[], object]], None], alive: Callable[[], object]) -> None:
    """Done by a copy of this process, which has one thread and no connection yet."""
    child = os.fork()
    if not child:
        try:
            work(lambda: None)
        finally:
            os._exit(0)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        alive()
        time.sleep(0.01)


def _ask(application: Callable[..., Iterable[bytes]], address: str) -> None:
    environ: dict[str, Any] = {"PATH_INFO": address, "HTTP_HOST": "localhost", "REMOTE_ADDR": "127.0.0.1"}
    environ["HTTP_ACCEPT_ENCODING"] = "gzip"
    setup_testing_defaults(environ)
    answer = application(environ, lambda *_: None)
    for _ in answer:
        pass
    if hasattr(answer, "close"):
        answer.close()
