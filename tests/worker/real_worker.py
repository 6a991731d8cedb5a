"""A Celery worker of the notices' queue in a process of its own, on the broker of a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from leaderboard import dispatch
from leaderboard.configuration import BASE_DIR
from tests.migrated import copy_migrated


@contextmanager
def started(command: list[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen]:
    """The process of `command`, which writes to `log` and ends with the context."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=BASE_DIR, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@contextmanager
def worker(folder: Path, **variables: str) -> Iterator[tuple[subprocess.Popen, Callable[[], str]]]:
    """A worker with a database of its own in `folder`, and what it has logged so far."""
    copy_migrated(folder / "leaderboard.sqlite3")
    environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL"}}
    environment |= {"DJANGO_SETTINGS_MODULE": "leaderboard.settings", "DATA_ROOT": str(folder)}
    environment |= {"CELERY_LOG_LEVEL": "INFO", **variables}
    options = ["--pool=solo", f"--queues={dispatch.NOTICES}", "--without-gossip", "--without-mingle"]
    command = [sys.executable, "-m", "celery", "--app=leaderboard", "--quiet", "worker", *options]
    log = folder / "worker.log"
    with started(command, log, environment) as process:
        yield process, log.read_text
