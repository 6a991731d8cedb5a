"""A disk of a few megabytes, which a test can really fill: a tmpfs in a mount namespace of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(mebibytes: int) -> Iterator[Path]:
    """Its folder, seen through the process that mounted it. Skips the test where the kernel lets nobody mount."""
    mount = f"mount -t tmpfs -o size={mebibytes}m none /mnt && echo mounted && exec sleep infinity"
    holder = subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != b"mounted\n":
            pytest.skip("this kernel allows no mounts in a namespace of one's own")
        yield Path(f"/proc/{holder.pid}/root/mnt")
    finally:
        holder.kill()
        holder.communicate()
