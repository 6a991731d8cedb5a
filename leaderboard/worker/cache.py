"""What a worker keeps of uploaded files: those that it fetched, and the data sets that it unpacked.

Together at most ARTIFACT_CACHE_MB: what was used longest ago goes first, and nothing that a run is using.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings

from leaderboard.worker.machine import data_root_variable
from measurement.artifacts import unpacking
from measurement.dataroot import DATA_ROOT_VARIABLE
from measurement.errors import Fault

MARK = ".fetched"
"""A file of this name next to an artifact says that a worker fetched it, and so may remove it."""
MB = 1_000_000
FORGOTTEN_S = 86_400.0

log = structlog.get_logger()


class NotProvided(Exception):
    """A file that the run needs is not here, with the fault and its reason in words for public pages."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault, self.reason = fault, reason


@dataclass(frozen=True, slots=True)
class _Kept:
    """Something that may go: `held` is the file that a run which uses it has locked."""

    held: Path
    size: int
    remove: Callable[[], None]


def data_root() -> Path:
    """That of the measurements on this machine."""
    return Path(data_root_variable()[DATA_ROOT_VARIABLE])


def cache_folder() -> Path:
    """Where a measurement on this machine looks for artifacts."""
    return data_root() / "artifacts"


def unpacked_root() -> Path:
    """Where a measurement on this machine looks for data sets that were uploaded."""
    return data_root() / unpacking.FOLDER


@contextmanager
def taking_turns() -> Iterator[None]:
    """The workers of a machine fetch one after the other: two may want the same file, and make room for it."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_room(size: int) -> None:
    """Remove what was used longest ago, until `size` more bytes fit. Raises NotProvided for more than ever can."""
    most = settings.ARTIFACT_CACHE_MB * MB
    if size > most:
        reason = f"a file of {size:,} bytes is above the worker's limit of uploaded files; raise ARTIFACT_CACHE_MB"
        raise NotProvided(Fault.MACHINE, reason)
    _remove_forgotten()
    kept = sorted([*_fetched(), *_unpacked()], key=lambda one: one.held.stat().st_mtime)
    used = sum(one.size for one in kept)
    for one in kept:
        if used + size <= most:
            return
        used -= _removed_bytes(one)


def _fetched() -> Iterator[_Kept]:
    for mark in cache_folder().glob(f"*{MARK}"):
        path = mark.with_name(mark.name.removesuffix(MARK))
        if path.exists():
            yield _Kept(path, path.stat().st_size, lambda path=path, mark=mark: _remove_file(path, mark))  # type: ignore[misc]


def _remove_file(path: Path, mark: Path) -> None:
    path.unlink()
    mark.unlink(missing_ok=True)


def _unpacked() -> Iterator[_Kept]:
    for held in unpacked_root().glob(f"*/{unpacking.SIZE}"):
        with suppress(OSError, ValueError):
            yield _Kept(held, int(held.read_text()), lambda folder=held.parent: unpacking.remove(folder))  # type: ignore[misc]


def _remove_forgotten() -> None:
    """What a process that died has left half unpacked, or half removed."""
    for folder in unpacked_root().glob(f"{unpacking.PARTIAL}*"):
        with suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > FORGOTTEN_S:
                shutil.rmtree(folder, ignore_errors=True)


def _removed_bytes(one: _Kept) -> int:
    with one.held.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0  # a run on another device of this machine reads it
        one.remove()
        log.info("removed from the cache", path=os.fspath(one.held), bytes=one.size)
        return one.size
