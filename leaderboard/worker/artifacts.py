"""Puts the uploaded files that a recipe names where the measurement looks for them, and keeps them for later runs.

On the site's own machine they lie there already: its storage is that folder. Another worker fetches them, over HTTP
with a token of its own (WORKER_TOKEN_FILE) or out of the storage, verifies their hash, and keeps at most
ARTIFACT_CACHE_MB of what it has fetched: what was used longest ago goes first.

The archive of a data set is unpacked besides, by every worker, and what was unpacked counts too.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import structlog
from django.conf import settings
from django.core.files.storage import storages

from leaderboard.worker.cache import MARK, NotProvided, cache_folder, data_root, make_room, taking_turns
from leaderboard.worker.child import Ending
from leaderboard.worker.hub import of_hub
from measurement.artifacts.unpacking import SIZE, unpack, unpacked_bytes, unpacked_folder
from measurement.dataroot import sha256_of
from measurement.errors import BadInput, Fault
from measurement.recipe import parse_recipe

CHUNK_BYTES = 2**20
SILENCE_S = 60.0

log = structlog.get_logger()


Source = Callable[[], tuple[IO[bytes], int]]
"""Opens a file that is to be fetched; with its size in bytes."""


class Stopped(Exception):
    """The run is to end while a file is being fetched."""


class Tick(Protocol):
    """Called every so often; a reason to stop, or nothing."""

    def __call__(self, event: None, /) -> str: ...


class Fetched:
    """The files of one run. While it is open, none of them is removed."""

    def __init__(self) -> None:
        self._held = ExitStack()

    def __enter__(self) -> Fetched:
        return self

    def __exit__(self, *_: Any) -> None:
        self._held.close()

    def provide(self, document: dict[str, Any], tick: Tick) -> Ending | None:
        """Fetch what the recipe names. None if all is here; else how the run ends without having begun."""
        recipe = parse_recipe(document)
        try:
            for field, (sha256, file) in recipe.downloads.items():
                self._provide(sha256, field, tick, partial(of_hub, file, field), is_of_hub=True)
            for field, (sha256, kind) in recipe.uploads.items():
                self._provide(sha256, field, tick, partial(_of_site, sha256, field))
                if kind == "dataset":
                    self._provide_unpacked(sha256, field, tick)
        except NotProvided as missing:
            return Ending(False, missing.reason, missing.fault)
        except Stopped as stopped:
            return Ending(False, str(stopped))
        return None

    def _provide(self, sha256: str, field: str, tick: Tick, source: Source, *, is_of_hub: bool = False) -> None:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / sha256
        if not path.exists():
            with taking_turns():
                if not path.exists():
                    _fetch(sha256, path, field, tick, source, is_of_hub=is_of_hub)
        self._hold(path)

    def _provide_unpacked(self, sha256: str, field: str, tick: Tick) -> None:
        folder = unpacked_folder(sha256, data_root())
        if not folder.is_dir():
            with taking_turns():
                _unpack(cache_folder() / sha256, sha256, folder, field, tick)
        self._hold(folder.parent / SIZE)

    def _hold(self, path: Path) -> None:
        with suppress(PermissionError, FileNotFoundError):
            os.utime(path)
        with suppress(FileNotFoundError):
            file = self._held.enter_context(path.open("rb"))
            fcntl.flock(file, fcntl.LOCK_SH)


def _unpack(archive: Path, sha256: str, folder: Path, field: str, tick: Tick) -> None:
    def go_on() -> None:
        if reason := tick(None):
            raise Stopped(reason)

    try:
        if (found := sha256_of(archive)) != sha256:
            raise NotProvided(Fault.MACHINE, f"{field}: the worker's copy has the SHA-256 {found}; remove it")
        make_room(unpacked_bytes(archive))
        unpack(archive, folder, go_on)
    except BadInput as fault:
        raise NotProvided(Fault.RECIPE, f"{field}: the archive {fault}") from None
    except FileNotFoundError:
        raise NotProvided(Fault.MACHINE, f"{field}: the archive was removed from the worker's cache") from None
    except OSError as error:
        raise _not_stored(error, field) or error from None


def _not_stored(error: BaseException, field: str) -> NotProvided | None:
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return NotProvided(Fault.MACHINE, f"{field}: the disk of the worker's uploaded files is full")
    return None


def _fetch(sha256: str, path: Path, field: str, tick: Tick, opened: Source, *, is_of_hub: bool) -> None:
    part = path.with_name(f"{sha256}.part")
    mark = path.with_name(sha256 + MARK)
    try:
        source, size = opened()
        with source:
            make_room(size)
            found = _copy(source, part, tick, size)
        if found != sha256 and is_of_hub:
            raise NotProvided(Fault.RECIPE, f"{field}: the file has the SHA-256 {found}; write that as sha256")
        if found != sha256:
            raise NotProvided(
                Fault.MACHINE, f"{field}: the file that arrived has the SHA-256 {found}; fetch it again"
            )
        mark.touch()
        part.replace(path)
        log.info("artifact fetched", sha256=sha256, bytes=size)
    except (OSError, HTTPException) as error:
        if full := _not_stored(error, field):
            raise full from None
        log.warning("artifact not fetched", sha256=sha256, reason=str(error))
        reason = f"{field}: the file can't be fetched; the worker's log has the reason"
        raise NotProvided(Fault.MACHINE, reason) from None
    finally:
        part.unlink(missing_ok=True)


def _copy(source: IO[bytes], part: Path, tick: Tick, size: int) -> str:
    """Its SHA-256. The lease of the run is renewed meanwhile.

    size: the bytes that there are to be; 0 if nothing says. Raises OSError if there are others.
    """
    digest, copied = hashlib.sha256(), 0
    with part.open("wb") as file:
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
            if (copied := copied + len(chunk)) > size > 0:
                break
            file.write(chunk)
            if reason := tick(None):
                raise Stopped(reason)
    if size and copied != size:
        raise OSError(f"{copied:,} bytes came, of {size:,}")
    return digest.hexdigest()


def _of_site(sha256: str, field: str) -> tuple[IO[bytes], int]:
    """The file as it comes, and its size."""
    token = Path(settings.WORKER_TOKEN_FILE).read_text("utf-8").strip() if settings.WORKER_TOKEN_FILE else ""
    return _from_site(sha256, field, token) if token else _from_storage(sha256, field)


def _from_storage(sha256: str, field: str) -> tuple[IO[bytes], int]:
    try:
        storage = storages["artifacts"]
        return storage.open(sha256), storage.size(sha256)
    except FileNotFoundError:
        raise NotProvided(
            Fault.DATA,
            f"{field}: the file is not in the storage that this worker sees; give the worker a token "
            "(WORKER_TOKEN_FILE), or upload the file again",
        ) from None


class _NoRedirect(HTTPRedirectHandler):
    """The token goes to the site alone."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _from_site(sha256: str, field: str, token: str) -> tuple[IO[bytes], int]:
    address = f"{settings.SITE_URL}/api/v1/artifacts/{sha256}/content"
    request = Request(address, headers={"Authorization": f"Token {token}"})  # noqa: S310 - SITE_URL is http(s)
    try:
        answer = build_opener(_NoRedirect).open(request, timeout=SILENCE_S)
    except HTTPError as error:
        if error.code == 404:
            raise NotProvided(Fault.DATA, f"{field}: the site has no such file; upload it again") from None
        raise NotProvided(
            Fault.MACHINE, f"{field}: the site gives this worker no file (HTTP {error.code}); renew its token"
        ) from None
    except URLError as error:
        raise OSError(str(error.reason)) from None
    return answer, int(answer.headers.get("Content-Length") or 0)
