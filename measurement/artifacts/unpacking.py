"""Unpacks a data set's archive into a folder of its own, whole or not at all; nothing outside that folder is written.

DATA_ROOT/unpacked/<sha256 of the archive>/dataset/…
DATA_ROOT/unpacked/<sha256 of the archive>/bytes      how many they have
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from measurement.artifacts.zip_form import Member, members_of, open_archive
from measurement.dataroot import data_root, inside
from measurement.errors import BadInput

FOLDER, INNER, SIZE = "unpacked", "dataset", "bytes"
PARTIAL = ".partial-"
CHUNK_BYTES = 2**20
ARCHIVE_MAGIC = b"PK\x03\x04"
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError)


def unpacked_folder(sha256: str, root: Path | None = None) -> Path:
    """Where the files of an archive are, or are to be. root: of the data; that of this process unless given."""
    folder = (root or data_root()) / FOLDER
    return inside(folder, sha256, field="dataset.archive_sha256") / INNER


def unpack(archive: Path, folder: Path, tick: Callable[[], None] = lambda: None) -> None:
    """Put the archive's files into `folder` (of `unpacked_folder`), unless they are there. Its hash was checked.

    tick: called after every piece of a file; what it raises ends the work. Raises BadInput for an archive without the
    right form, OSError for a disk that is full: nothing is kept then.
    """
    if folder.is_dir():
        return
    whole = folder.parent
    whole.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=whole.parent, prefix=PARTIAL))
    try:
        made, size = partial / INNER, 0
        made.mkdir()
        with contents_of(archive) as files:
            for member, content in files:
                _write(made / member.path, content, tick)
                size += member.size
        (partial / SIZE).write_text(str(size))
        partial.chmod(0o755)  # the child may be another user
        partial.replace(whole)
    except OSError:
        if not folder.is_dir():  # another run has just unpacked the same
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove(whole: Path) -> None:
    """Remove an unpacked archive: at once for whoever looks for it."""
    gone = Path(tempfile.mkdtemp(dir=whole.parent, prefix=PARTIAL)) / "gone"
    whole.rename(gone)
    shutil.rmtree(gone.parent, ignore_errors=True)


def unpacked_bytes(archive: Path) -> int:
    """How much it unpacks to. Raises BadInput for an archive without the right form."""
    with open_archive(archive) as opened:
        return sum(member.size for member in members_of(opened, archive.stat().st_size))


@contextmanager
def contents_of(path: Path) -> Iterator[Iterator[tuple[Member, Iterator[bytes]]]]:
    """Every file of an archive with its content in pieces, each to be read whole before the next.

    Raises BadInput for an archive or a content without the right form.
    """
    with open_archive(path) as archive:
        members = members_of(archive, path.stat().st_size)
        yield ((member, _content(archive, member)) for member in members)


def _content(archive: zipfile.ZipFile, member: Member) -> Iterator[bytes]:
    left, is_first = member.size, True
    with _opened(archive, member) as file:
        while piece := _piece(file, member):
            if is_first and piece.startswith(ARCHIVE_MAGIC):
                raise BadInput(f"holds an archive under the name {member.path!a:.80}; unpack it, or leave it out")
            left, is_first = left - len(piece), False
            yield piece
    if left:
        raise _faulty(member, f"{left:,} of its bytes are missing")


def _opened(archive: zipfile.ZipFile, member: Member) -> IO[bytes]:
    try:
        return archive.open(member.info)
    except _FAULTS as error:
        raise _faulty(member, str(error)[:200]) from None


def _piece(file: IO[bytes], member: Member) -> bytes:
    try:
        return file.read(CHUNK_BYTES)
    except _FAULTS as error:
        raise _faulty(member, str(error)[:200]) from None


def _faulty(member: Member, reason: str) -> BadInput:
    return BadInput(f"holds {member.path!a:.80} in a form that can't be unpacked: {reason}; zip the folder again")


def _write(path: Path, content: Iterator[bytes], tick: Callable[[], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # New, and no link is followed: only this file is written.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o644), "wb") as file:
        for piece in content:
            file.write(piece)
            tick()
