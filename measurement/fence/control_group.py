"""A control group of its own for a child whose worker runs as root: of processes, and of memory.

The kernel exempts root from RLIMIT_NPROC. Versions 1 and 2; where this process may make no group, there is none.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """`folders`: one for each controller; `limits`: which of `memory` and `processes` it holds."""

    folders: tuple[Path, ...]
    limits: frozenset[str]

    @property
    def files(self) -> list[str]:
        """Where a process writes its id to become a member."""
        return [str(folder / "cgroup.procs") for folder in self.folders]

    def remove(self) -> None:
        """Once all members have ended."""
        for folder in self.folders:
            with suppress(OSError):
                folder.rmdir()


def make_group(processes: int, memory_mb: int) -> ControlGroup:
    """A group below this process's own, with what of the limits can be set there."""
    name = f"measurement-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    bytes_of_memory = str(memory_mb * 2**20)
    wanted = {
        "processes": ("pids", {"pids.max": str(processes)}),
        "memory": ("memory", {"memory.max": bytes_of_memory, "memory.limit_in_bytes": bytes_of_memory}),
    }
    folders: list[Path] = []
    limits: set[str] = set()
    for limit, (controller, values) in wanted.items():
        for parent in _own_groups(controller):
            folder = parent / name
            _remove_empty(parent)
            with suppress(OSError):
                folder.mkdir(exist_ok=True)
                if _set_any(folder, values):
                    limits.add(limit)
                    folders.append(folder)
                    break
                if folder not in folders:
                    folder.rmdir()
    return ControlGroup(tuple(dict.fromkeys(folders)), frozenset(limits))


def _remove_empty(parent: Path) -> None:
    """Groups of earlier children, whose last members ended too late for them to be removed."""
    for folder in parent.glob(f"measurement-{os.getpid()}-*"):
        with suppress(OSError):  # it has members
            folder.rmdir()


def _set_any(folder: Path, values: dict[str, str]) -> bool:
    done = False
    for name, value in values.items():
        if (folder / name).exists():
            (folder / name).write_text(value)
            done = True
    return done


def _own_groups(controller: str) -> list[Path]:
    """This process's group with a controller: of version 1, or of version 2."""
    found = []
    try:
        lines = Path("/proc/self/cgroup").read_text("ascii").splitlines()
    except OSError:
        return []
    for line in lines:
        number, controllers, group = [*line.split(":", 2), "", ""][:3]
        if controller in controllers.split(","):
            found.append(ROOT / controllers / group.lstrip("/"))
        elif number == "0" and not controllers:
            found.append(ROOT / group.lstrip("/"))
    return found
