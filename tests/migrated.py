"""A SQLite database in its last form, for tests that are not about how it came there.

Bringing an empty one there takes four seconds of processor time, in each test process and for each live site.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("django", "django-allauth", "djangorestframework")  # whose tables are among the site's


def copy_migrated(target: Path) -> None:
    """Put a copy at `target`. The original is made by `manage.py migrate` when a migration has changed."""
    kept = ROOT / ".data"
    kept.mkdir(exist_ok=True)
    original = kept / f"migrated-{_fingerprint()}.sqlite3"
    with (kept / "migrated.lock").open("w") as lock:  # one of the test processes makes it, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not original.exists():
            for outdated in kept.glob("migrated-*.sqlite3"):
                outdated.unlink()
            _make(original)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(original, target)


def _make(path: Path) -> None:
    left_out = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="migrating-") as folder:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env=environment | {"DATA_ROOT": folder},
            check=True,
        )
        (Path(folder) / "leaderboard.sqlite3").rename(path)


def _fingerprint() -> str:
    """Of all that the database's form follows from."""
    given = [*(version(package) for package in PACKAGES), *settings.INSTALLED_APPS]
    found = hashlib.sha256(" ".join(given).encode())
    for folder in ("migrations", "models", "database"):
        for path in sorted((ROOT / "leaderboard" / folder).rglob("*.py")):
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()[:16]
