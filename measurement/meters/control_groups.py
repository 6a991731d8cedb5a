"""What this process's control groups (versions 1 and 2) allow of CPU time, and how often they ran out of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def cpu_quota(root: Path = ROOT) -> float | None:
    """CPU time, in cores, that this process's control groups allow; None without a limit. root: for tests."""
    limits = [limit for folder in group_folders(root) if (limit := _limit_of(folder)) is not None]
    return min(limits, default=None)


def throttled_s(root: Path = ROOT) -> dict[Path, float]:
    """CPU seconds that each control group of this process was denied so far because its quota was used up.

    Groups without a quota count nothing, and are left out.
    """
    return {folder: seconds for folder in group_folders(root) if (seconds := _throttled_s(folder)) is not None}


def group_folders(root: Path = ROOT) -> tuple[Path, ...]:
    """The folders of this process's control groups, and of all groups above them, that may limit CPU time."""
    lines = (_text(root / "proc/self/cgroup") or "").splitlines()
    found = dict.fromkeys(folder for line in lines for folder in _folders_of(line, root / "sys/fs/cgroup"))
    return tuple(folder for folder in found if folder.is_dir())


def _folders_of(line: str, mount: Path) -> Iterator[Path]:
    """The folders of one line of /proc/self/cgroup."""
    number, controllers, group = [*line.split(":", 2), "", ""][:3]
    if number == "0" and not controllers:
        tops = [mount, mount / "unified"]
    elif "cpu" in controllers.split(","):
        tops = [mount / controllers, mount / "cpu"]
    else:
        return
    parts = [part for part in group.split("/") if part not in ("", "..")]
    yield from (top.joinpath(*parts[:depth]) for top in tops for depth in range(len(parts) + 1))


def _limit_of(folder: Path) -> float | None:
    words = (_text(folder / "cpu.max") or "").split()
    if not words:
        words = [_text(folder / f"cpu.cfs_{what}_us") or "" for what in ("quota", "period")]
    try:
        quota, period = int(words[0]), int(words[1])
    except (ValueError, IndexError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _throttled_s(folder: Path) -> float | None:
    """Version 2 counts microseconds, version 1 nanoseconds, each over all CPUs."""
    for line in (_text(folder / "cpu.stat") or "").splitlines():
        name, _, value = line.partition(" ")
        if name in ("throttled_usec", "throttled_time") and value.strip().isdecimal():
            return int(value) / (1e6 if name == "throttled_usec" else 1e9)
    return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return None
