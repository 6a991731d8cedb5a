"""A whole site as `make run` starts it, in a folder and on a port of its own."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

from tests.waiting import HANG_S, wait_until

ROOT = Path(__file__).resolve().parents[2]
MARK = "LIVE_TEST_SITE"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def collect_static(shell: Callable[[str], object]) -> None:
    """Collect the static files of test sites in their common folder, by a site's shell, if they aren't there."""
    kept = ROOT / ".data"
    kept.mkdir(exist_ok=True)
    # One site at a time compresses the static files, or finds them compressed.
    with (kept / "static-of-tests.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        shell("from leaderboard.management.one_machine import collect_static_once\ncollect_static_once(print)")


class Reachable:
    """A site as a client and an operator reach it, wherever its processes run."""

    address: str
    environment: dict[str, str]

    def manage(self, *arguments: str, **variables: str) -> str:
        """Run a management command on this site and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment | variables,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def shell(self, code: str) -> str:
        """Run Python with this site's models and return what it prints."""
        return self.manage("shell", "-c", code)

    def add_users(self, submitter: str = "alice", administrator: str = "root") -> tuple[str, str]:
        """Create both with the password `a-long-password` and return a token of each, which may do all they may."""
        printed = self.shell(
            "from django.contrib.auth import get_user_model as model\n"
            "from django.core.management import call_command\n"
            f"model().objects.create_user('{submitter}', password='a-long-password')\n"
            f"model().objects.create_superuser('{administrator}', password='a-long-password')\n"
            f"call_command('token', '{submitter}', scope='submit')\n"
            f"call_command('token', '{administrator}', scope='administer')",
        )
        of_submitter, of_administrator = printed.splitlines()[-2:]
        return of_submitter, of_administrator

    def call(self, path: str, *, token: str = "", body: Any = None, method: str = "") -> tuple[int, Any]:
        """Status and JSON of one API call."""
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Token {token}"
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json" if not isinstance(body, str) else "application/yaml"
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
        request = urllib.request.Request(
            self.address + path, data=data, headers=headers, method=method or ("POST" if data is not None else "GET")
        )
        try:
            with urllib.request.urlopen(request, timeout=HANG_S) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def wait_for(self, condition: Callable[[], Any], what: str, *, every_s: float = 0.5) -> Any:
        """Poll `condition` until it is true; fail with the site's output where it hangs.

        Not more often than somebody who watches would: each question takes the site's processor time.
        """
        return wait_until(condition, what, every_s=every_s, tell=lambda: self.output()[-6000:])

    def output(self) -> str:
        """Everything the site's processes have printed so far."""
        raise NotImplementedError


class Site(Reachable):
    """`manage.py up` in a process group of its own, its output in a file."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if name not in {"DJANGO_SETTINGS_MODULE"}}
        kept = {
            name: value for name, value in kept.items() if name not in {"DATABASE_URL", "REDIS_URL", "SECRET_KEY"}
        }
        self.environment = kept | {
            "DATA_ROOT": str(folder / "data"),
            "PORT": str(self.port),
            "WORKER_DEVICE": "cpu",
            # Other tests keep the machine busy.
            "HOLD_BUSY_RESULTS": "false",
            # An idle worker would load torch; tests/worker/test_reference_workload.py does.
            "REFERENCE_S": "0",
            # Each web process loads the site by itself.
            "WEB_CONCURRENCY": "1",
            # Kept from session to session.
            "STATIC_ROOT": str(ROOT / ".data" / "static-of-tests"),
            MARK: str(folder),
            "MEASUREMENT_LOCK_FOLDER": str(folder),
            **environment,
        }
        # One at a time compresses the static files, or finds them compressed.
        (ROOT / ".data").mkdir(exist_ok=True)
        self._turn = (ROOT / ".data" / "static-of-tests.lock").open("w")
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        self.log = (folder / "up.log").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def write(self, statement: str) -> None:
        """Change the database of a site on SQLite, as no page or command would."""
        with (
            closing(sqlite3.connect(self.folder / "data" / "leaderboard.sqlite3", timeout=HANG_S)) as database,
            database,
        ):
            database.execute(statement)

    def wait_until_up(self) -> Site:
        """Return once the site answers and its worker is there."""
        self.wait_for(self._is_up, "the site to answer")
        self._turn.close()
        return self

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.output()
        try:
            return len(self.call("/api/v1/workers")[1]) > 0
        except (OSError, urllib.error.URLError, TypeError, KeyError, ValueError):
            return False

    def output(self) -> str:
        """Everything the site has printed so far."""
        return (self.folder / "up.log").read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Every process of this site that is alive, whatever its parent or group."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get(MARK) == str(self.folder) or str(self.folder) in " ".join(
                    process.cmdline()
                )
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def measurements(self) -> list[psutil.Process]:
        """The measuring children that are alive."""
        found = []
        for process in self.processes():
            try:
                if "measurement" in process.cmdline() and "run" in process.cmdline():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def interrupt(self) -> int:
        """What Ctrl-C does; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(HANG_S)

    def close(self) -> None:
        """End the site, and whatever of it should not be there any more."""
        try:
            self.interrupt()
        except subprocess.TimeoutExpired:
            self.process.kill()
        for process in self.processes():
            process.kill()
        self.log.close()
        self._turn.close()
