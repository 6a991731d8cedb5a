"""Memory of a run on a CPU: what tensors free is kept for the next step, and given back between phases.

By default glibc maps every large tensor and unmaps it when it is freed. Each step then faults all its memory in
again, page by page, and the kernel clears it: up to three quarters of the CPU time, and joules that differ with batch
and network. torch has no cache of its own for CPU memory.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:  # the process may be started again before torch is loaded
    import torch

TUNABLES, NO_THREAD_CACHE = "GLIBC_TUNABLES", "glibc.malloc.tcache_count=0"
"""Read by glibc when a program starts. Its caches of small blocks for each thread would hold the remainders that
aligned tensors leave. These keep freed tensors apart, and the heap grows to a multiple of what is used."""

# malloc.h of glibc; see mallopt(3).
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_DEFAULTS = {_MMAP_MAX: 65536, _TOP_PAD: 128 * 2**10, _TRIM_THRESHOLD: 128 * 2**10}
# No mappings, rather than a high M_MMAP_THRESHOLD: glibc before 2.35 refuses one above 32 MiB. -1: never trimmed.
_KEPT = {_MMAP_MAX: 0, _TOP_PAD: 64 * 2**20, _TRIM_THRESHOLD: -1}

CHECK_EVERY_S = 0.5
LEAST_AVAILABLE = 0.05
"""Share of the machine's memory that stays available: below it, freed memory is given back at once."""
MOST_OF_LIMIT = 0.8
"""Share of the run's memory limit above which freed memory is given back at once."""


def c_library() -> str | None:
    """The name and version of a C library whose memory can be kept, e.g. `glibc 2.36`; None for others."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError):
        return None


def start_without_thread_cache() -> None:
    """Start this program again with `NO_THREAD_CACHE`, unless it has it already. Call it before anything else."""
    if c_library() is not None and NO_THREAD_CACHE not in os.environ.get(TUNABLES, ""):
        os.environ[TUNABLES] = ":".join(filter(None, (os.environ.get(TUNABLES), NO_THREAD_CACHE)))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very program


@contextmanager
def freed_memory_kept(device: torch.device, limit_mb: float | None = None) -> Iterator[str]:
    """On a CPU, keep freed memory in this process while open. Gives what the record says of the allocator.

    Kept memory is what was in use at once at most, with what fragmentation adds: a fifth, as measured. If the machine
    runs short or the process comes near `limit_mb` (MiB), it is given back; a step is then slower, and flagged by its
    share of kernel time. On a GPU, whose memory torch keeps, and with another C library nothing changes.
    """
    libc = c_library()
    if device.type != "cpu" or libc is None:
        yield "the system's default"
        return
    kept = _set(_KEPT)
    ended = threading.Event()
    relief = threading.Thread(target=_relieve, args=(ended, limit_mb), name="memory-relief", daemon=True)
    relief.start()
    try:
        preloaded = os.environ.get("LD_PRELOAD", "")
        settings = filter(None, (os.environ.get(TUNABLES), f"LD_PRELOAD={preloaded}" if preloaded else ""))
        how = "freed memory kept" if kept and not preloaded else "the system's default"
        yield ", ".join((libc, how, *settings))
    finally:
        ended.set()
        relief.join()
        _set(_DEFAULTS)
        give_back_freed_memory()


def give_back_freed_memory() -> None:
    """Return what is free to the system. Between two phases, so that neither depends on what came before."""
    if c_library() is not None:
        ctypes.CDLL(None).malloc_trim(0)


def is_short(used: int, limit_mb: float | None, available: int, total: int) -> bool:
    """Whether a process that uses so many bytes is near its limit (MiB), or its machine short of memory."""
    near_limit = limit_mb is not None and used > MOST_OF_LIMIT * limit_mb * 2**20
    return near_limit or available < LEAST_AVAILABLE * total


def _relieve(ended: threading.Event, limit_mb: float | None) -> None:
    process = psutil.Process()
    while not ended.wait(CHECK_EVERY_S):
        memory = psutil.virtual_memory()
        if is_short(process.memory_info().rss, limit_mb, memory.available, memory.total):
            give_back_freed_memory()


def _set(values: dict[int, int]) -> bool:
    """Whether glibc took all of them."""
    mallopt = ctypes.CDLL(None).mallopt
    taken = [mallopt(name, value) == 1 for name, value in values.items()]
    return all(taken)
