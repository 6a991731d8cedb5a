"""Boards that were read, as files: one process reads a board from the database, all of its machine map the file.

A file is named after the database, the release, the board and its revision, so that it is never taken for another
revision's. It is written with another name, brought to the disk and renamed: what has the name is whole. Whoever
reads a board holds its lock; the kernel frees that when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import structlog
from django.conf import settings
from django.db import connection

from leaderboard.models import Board

log = structlog.get_logger()

# A reader waits so long for another process that reads the board; then it reads for itself.
MOST_WAIT_S = 30.0
_POLL_S = 0.005
UNFINISHED = ".unfinished"
# Of another release, or of another database: nobody takes them any more.
OLD_S = 24 * 3600
_SOURCE = ("leaderboard", "measurement/tracks")


def folder() -> Path:
    """Where the files are: what is in it can be removed at any time."""
    return Path(settings.DATA_ROOT) / "cache" / "boards"


def can_share() -> bool:
    """Whether what is read now is everybody's: not while a transaction may still be rolled back."""
    return not connection.in_atomic_block


@contextmanager
def turn(board: Board) -> Iterator[bool]:
    """The board's lock among all processes. False if it can't be had: nothing may be written then."""
    descriptor = _opened(_path(board, "lock"))
    try:
        yield descriptor is not None and _locked(descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _opened(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        log.warning("boards can't be shared between processes", reason=str(error))
        return None


def _locked(descriptor: int) -> bool:
    deadline = time.monotonic() + MOST_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        except OSError:  # a file system without locks
            return False


def find_arrays(board: Board, schema: pa.Schema) -> dict[str, pa.Array] | None:
    """The columns of this revision, mapped from their file; None without one that can be read."""
    path = _path(board, "arrow")
    try:
        file = pa.ipc.open_file(pa.memory_map(str(path)))
        batch = file.get_batch(0) if file.schema == schema else None
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        log.warning("the file of a board can't be read", path=str(path), reason=str(error))
        return None
    return None if batch is None else dict(zip(schema.names, batch.columns, strict=True))


def keep_arrays(board: Board, arrays: dict[str, pa.Array], schema: pa.Schema) -> dict[str, pa.Array]:
    """The same columns, from a file that other processes can map too; as they are if it can't be written.

    Called in the board's `turn`: whatever else there is of this board is of a past revision, or was left behind.
    """
    path = _path(board, "arrow")

    def write(target: Path) -> None:
        batch = pa.record_batch([arrays[name] for name in schema.names], schema=schema)
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(batch)

    if not _written(path, write):
        return arrays
    _remove_others(path)
    return find_arrays(board, schema) or arrays


def made_once(board: Board, kind: str, make: Callable[[], bytes]) -> bytes:
    """Bytes that are made of this revision's columns, by one process for all of its machine."""
    if not can_share():
        return make()
    path = _path(board, kind)
    found = _read(path)
    if found is not None:
        return found
    with turn(board) as is_mine:
        found = _read(path)
        if found is None:
            made = found = make()
            if is_mine:
                _written(path, lambda target: target.write_bytes(made))
    return found


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _written(path: Path, write: Callable[[Path], Any]) -> bool:
    unfinished = path.with_suffix(f"{path.suffix}.{os.getpid()}{UNFINISHED}")
    try:
        write(unfinished)
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
        return True
    except (OSError, pa.ArrowException) as error:
        with suppress(OSError):
            unfinished.unlink()
        log.warning("a board is not shared between processes", path=str(path), reason=str(error))
        return False


def _remove_others(kept: Path) -> None:
    of_site, of_board, _ = kept.name.split("-", 2)
    try:
        for path in kept.parent.iterdir():
            is_old = path.stat().st_mtime < time.time() - OLD_S
            is_mine = path.name.startswith(f"{of_site}-{of_board}-")
            is_past = is_mine and (path.suffix == UNFINISHED or not path.name.startswith(f"{kept.stem}."))
            if is_past or (is_old and not path.name.startswith(f"{of_site}-")):
                path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("old files of boards can't be removed", reason=str(error))


def _path(board: Board, kind: str) -> Path:
    version = "" if kind == "lock" else f"-{_digest(version_of(board))}"
    return folder() / f"{_site(_database())}-{board.pk}{version}.{kind}"


def version_of(board: Board) -> tuple[object, ...]:
    """Another with every change. The time and the size too: a replaced database starts its revisions again."""
    return board.revision, board.changed_at, board.size


def _database() -> tuple[str, ...]:
    return tuple(str(connection.settings_dict.get(name, "")) for name in ("ENGINE", "HOST", "PORT", "NAME"))


@cache
def _site(database: tuple[str, ...]) -> str:
    """The database, and the release by its source: its columns, or what its migrations made of them, may differ."""
    files = sorted(path for part in _SOURCE for path in Path(settings.BASE_DIR, part).rglob("*.py"))
    return _digest(database, pa.__version__, *(hashlib.blake2b(path.read_bytes()).digest() for path in files))


def _digest(*of: object) -> str:
    return hashlib.blake2b(repr(of).encode(), digest_size=10).hexdigest()
