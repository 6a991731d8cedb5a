"""The files of a site that its rows name, and the places where they lie."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages

_STAGING = ".restoring-"
# By the table that has their names: one of an earlier version may not be there yet.
_TRACES = {
    "leaderboard_attempt": "SELECT trace FROM leaderboard_attempt WHERE trace <> ''",
    "leaderboard_measurement": "SELECT trace FROM leaderboard_measurement",
}
_ARTIFACTS = {"leaderboard_artifact": "SELECT sha256 FROM leaderboard_artifact"}
_STORED = (("files", "default", _TRACES), ("artifacts", "artifacts", _ARTIFACTS))


@dataclass(frozen=True)
class Place:
    """A folder of the site, under `name` in a backup; `named` asks tables of the database for its files' names."""

    name: str
    path: Path
    named: Mapping[str, str]
    for_owner_alone: bool = False

    def names(self, database: Any) -> set[str]:
        """Of the files that the rows of `database` name."""
        there = database.tables()
        asked = [question for table, question in self.named.items() if table in there]
        named = [name for question in asked for (name,) in database.rows(question)]
        return {f"{UUID(str(name))}.part" for name in named} if self.name == "uploads" else set(named)

    def has_files(self) -> bool:
        """Whether anything lies there."""
        return any(path.is_file() for path in self.path.rglob("*"))


def places() -> list[Place]:
    """Those whose files are on this machine; traces and finished uploads may each be in an object store."""
    # Parts of files that people are sending, which are never elsewhere.
    sent = {"leaderboard_upload": "SELECT id FROM leaderboard_upload WHERE artifact_id IS NULL AND received > 0"}
    found = [Place("uploads", Path(settings.DATA_ROOT) / "uploads", sent, for_owner_alone=True)]
    for name, storage, named in _STORED:
        kept = storages[storage]
        if isinstance(kept, FileSystemStorage):
            found.append(Place(name, Path(kept.location), named))
    return found


class Exchange:
    """New content for a place, laid next to the old one and changed for it by renaming: quickly, and back again."""

    def __init__(self, place: Place, staging: Path) -> None:
        self._place, self._new, self._old = place, staging / "new", staging / "old"
        self._moved: list[tuple[Path, Path]] = []
        self._new.mkdir()
        self._old.mkdir()

    def lay(self, source: Path, name: str) -> Path:
        """Copy a file into the new content, and give where it is."""
        target = self._new / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        if self._place.for_owner_alone:
            target.chmod(0o600)
        return target

    def swap(self) -> None:
        """Put the new content in the place of the old."""
        self._move_all(self._place.path, self._old)
        self._move_all(self._new, self._place.path)

    def swap_back(self) -> None:
        """Undo what `swap` has done, also from halfway."""
        while self._moved:
            source, target = self._moved[-1]
            target.rename(source)
            self._moved.pop()

    def _move_all(self, source: Path, target: Path) -> None:
        for path in sorted(source.iterdir()):
            if not path.name.startswith(_STAGING):
                path.rename(target / path.name)
                self._moved.append((path, target / path.name))


@contextmanager
def exchange(place: Place) -> Iterator[Exchange]:
    """Inside the place itself, which may be a disk of its own: renaming goes no further."""
    place.path.mkdir(parents=True, exist_ok=True, mode=0o700 if place.for_owner_alone else 0o777)
    with tempfile.TemporaryDirectory(prefix=_STAGING, dir=place.path) as staging:
        yield Exchange(place, Path(staging))
