"""Keeps a device to one measurement at a time, across the processes of a machine.

A lock file for each device UUID (for the CPU one a machine), held with flock(2) while the meter runs, so that it is
released whenever its process ends. Counters read whole devices: two measurements on one would count each other's
joules. On a CPU they also slow each other down, by far more than their share, so estimates are exclusive too.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from measurement.dataroot import LOCK_FOLDER_VARIABLE, lock_folder, lock_name
from measurement.errors import DeviceInUse, MeterFailure


class DeviceLock:
    """Exclusive use of one device among measurements on this machine, as a context manager.

    identity: the device's UUID, or `cpu`. Raises DeviceInUse if another process holds it, naming that process. The
    holder may enter it again.
    """

    def __init__(self, identity: str, device: str) -> None:
        self.path = lock_folder() / lock_name(identity)
        self._device = device
        self._file: int | None = None
        self._depth = 0

    def __enter__(self) -> Self:
        self._depth += 1
        if self._depth > 1:
            return self
        try:
            self._file = self._take()
        except BaseException:
            self._depth = 0
            raise
        return self

    def _take(self) -> int:
        file = _open_shared(self.path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = _alive(os.pread(file, 200, 0).decode("utf-8", "replace").strip())
            os.close(file)
            raise DeviceInUse(
                f"{self._device} is in use by another measurement (pid {holder}), and each would count the other's "
                "joules; wait until it ends",
                field="device",
            ) from None
        # Another user's file may be opened for reading only: locking works anyway.
        with contextlib.suppress(OSError):
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        return file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0 and self._file is not None:
            os.close(self._file)
            self._file = None


def _alive(pid: str) -> str:
    """A process id of this machine; `unknown` if no such process is seen, as from another namespace."""
    return pid if pid.isdecimal() and Path(f"/proc/{pid}").exists() else "unknown"


def _open_shared(path: Path) -> int:
    """Open the file, whoever made it. Linux refuses O_CREAT on another user's file in a sticky folder, so it comes
    last."""
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    for mode in (os.O_RDWR, os.O_RDONLY):
        try:
            return os.open(path, mode | flags)
        except (FileNotFoundError, PermissionError):
            continue
        except OSError as error:
            if error.errno != errno.EROFS:  # a fence shows the file read-only: locking works anyway
                raise
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o666)
        os.fchmod(file, 0o666)
    except OSError as error:
        raise MeterFailure(
            f"can't open the lock {path}: {error.strerror}; set {LOCK_FOLDER_VARIABLE} to a folder that every "
            "worker of this machine can write to"
        ) from None
    return file
