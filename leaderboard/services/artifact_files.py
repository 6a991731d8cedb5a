"""Where uploaded files lie: their parts on this machine until all are here, then whole in the storage `artifacts`."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from leaderboard.services.refusal import Refused

STORAGE = "artifacts"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def storage() -> Storage:
    """That of the whole files, each named after its SHA-256."""
    return storages[STORAGE]


def parts_folder() -> Path:
    """Holds the files that are being sent. All web processes of a site see it."""
    return Path(settings.DATA_ROOT) / "uploads"


def path_of_parts(upload: UUID) -> Path:
    """The file that the parts of an upload are put together in."""
    return parts_folder() / f"{upload}.part"


@contextmanager
def writing(upload: UUID) -> Iterator[FileIO]:
    """The file of an upload's parts, for one request at a time. Raises Refused while another has it."""
    path = path_of_parts(upload)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                raise FileNotFoundError  # another request has just put a new one in its place
        except (BlockingIOError, FileNotFoundError):
            raise Refused(
                "Upload-Offset", "can't be used: another request is sending a part of this file; wait until it ends"
            ) from None
        yield file


def remove_parts(upload: UUID) -> None:
    """Forget what was sent of an upload."""
    with suppress(FileNotFoundError):
        path_of_parts(upload).unlink()


def forgotten_parts(older_than_s: float) -> Iterator[UUID]:
    """Uploads that have parts here which nobody has added to for so many seconds."""
    for path in parts_folder().glob("*.part"):
        with suppress(FileNotFoundError, ValueError):
            if time.time() - path.stat().st_mtime > older_than_s:
                yield UUID(path.stem)


def is_kept(sha256: str, size: int) -> bool:
    """Whether all of the file is in the storage; a copy that was interrupted is shorter."""
    return storage().exists(sha256) and storage().size(sha256) == size


def keep(sha256: str, parts: Path) -> None:
    """Put a whole file into the storage; nothing changes if it is there."""
    kept, size = storage(), parts.stat().st_size
    if is_kept(sha256, size):
        return
    if kept.exists(sha256):
        kept.delete(sha256)
    if not _linked(kept, sha256, parts):
        with parts.open("rb") as file:
            kept.save(sha256, File(file))


def _linked(kept: Storage, sha256: str, parts: Path) -> bool:
    """Without a copy, if the storage is a folder of the same file system."""
    if not isinstance(kept, FileSystemStorage):
        return False
    try:
        place = Path(kept.path(sha256))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(parts)
        place.chmod(0o644)  # workers may be other users of this machine
    except FileExistsError:
        return True
    except OSError:
        return False
    return True
