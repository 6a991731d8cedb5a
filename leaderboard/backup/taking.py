"""Takes a backup of a site that goes on working."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from leaderboard.backup.databases import database
from leaderboard.backup.files import Place, places
from leaderboard.transfer.folder import BadFolder, Format, Writing, writing
from measurement import __version__

BACKUP = Format("full-cycle-energy-backup", 1, "a backup", "backup", "copy the folder again, or take another backup")
SECRET_KEY = "secret_key"  # noqa: S105 - a file's name
ATTEMPTS = 3


class _Removed(Exception):
    """A file went while it was to be copied, because its row did."""


def take(folder: Path) -> dict[str, Any]:
    """Write a backup into a new folder, whole or not at all. Returns its manifest's facts.

    `lost` of these: files that rows name and that were lost before.

    Raises BadFolder, OSError, and DatabaseFault.
    """
    for _ in range(ATTEMPTS):
        try:
            with writing(
                folder, f"full-cycle-energy-leaderboard {__version__}", BACKUP, for_owner_alone=True
            ) as made:
                _copy(made)
            return made.facts
        except _Removed:
            continue
    raise BadFolder(f"{folder}: files were removed from the site each time they were to be copied; do it again later")


def _copy(made: Writing) -> None:
    ours = database()
    all_places = places()
    with ours.copy(made.path / ours.file) as copied:
        migrations = copied.rows("SELECT app, name FROM django_migrations ORDER BY id")
        named = {place.name: place.names(copied) for place in all_places}
    made.add(ours.file)
    lost = [f"{place.name}/{name}" for place in all_places for name in _copied(made, place, named[place.name])]
    key = made.path / SECRET_KEY
    with made.file(SECRET_KEY) as file:
        file.write(settings.SECRET_KEY.encode())
    key.chmod(0o600)
    made.facts |= {
        "database": {"kind": connection.vendor, "file": ours.file, "migrations": migrations},
        "places": [place.name for place in all_places],
        "lost": lost,
    }


def _copied(made: Writing, place: Place, names: set[str]) -> list[str]:
    """Copy the files of a place. Returns those that are not there, and were not when the database was copied."""
    missing = []
    for name in sorted(names):
        try:
            with (place.path / name).open("rb") as source, made.file(f"{place.name}/{name}") as copy:
                shutil.copyfileobj(source, copy)
        except FileNotFoundError:
            missing.append(name)
    if missing and not set(missing) <= place.names(_Now()):
        raise _Removed
    return missing


class _Now:
    """The database as it is by now."""

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(question)
            return list(cursor.fetchall())

    def tables(self) -> set[str]:
        return set(connection.introspection.table_names())
