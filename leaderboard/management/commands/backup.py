"""`manage.py backup FOLDER`: copy a site on SQLite, while it runs, into a folder that can be served as it is."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection


class Command(BaseCommand):
    help = "Copy database, power traces and signing key into a new folder, while the site runs. For SQLite."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("folder", type=Path, help="does not exist yet, or is empty")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError(
                "DATABASE_URL: this site's database is not SQLite; use pg_dump (docs/backup.md)", returncode=2
            )
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CommandError(f"{folder}: is not empty; name a new folder", returncode=2)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            # Under its name only when it is complete.
            with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as made:
                _copy(Path(made) / "site")
                (Path(made) / "site").replace(folder)
        except (OSError, sqlite3.Error, shutil.Error) as error:
            raise CommandError(
                f"{folder}: the backup failed, and nothing was left there: {error}", returncode=2
            ) from None
        self.stdout.write(f"The site is in {folder}. To serve it: DATA_ROOT={folder} make run")


def _copy(target: Path) -> None:
    """The database first: then the files hold everything that it names."""
    target.mkdir(mode=0o700)
    database = target / "leaderboard.sqlite3"
    with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"], timeout=20)) as source:
        source.execute("VACUUM INTO ?", [str(database)])  # one moment of it; writers go on
    with closing(sqlite3.connect(database)) as copied:
        (state,) = copied.execute("PRAGMA integrity_check").fetchone()
    if state != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged, and so is the database: {state}")
    if settings.MEDIA_ROOT.exists():
        shutil.copytree(settings.MEDIA_ROOT, target / "files")
    key = settings.DATA_ROOT / "secret_key"
    if key.exists():
        shutil.copy2(key, target)
