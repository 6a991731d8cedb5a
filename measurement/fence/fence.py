"""Which fence this machine has, and the command line that puts a child inside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

from measurement.fence.control_group import ControlGroup, make_group
from measurement.fence.paths import gpu_devices, lock_files, system_paths, without_parts

PROCESSES = 2048
"""Processes and threads at most: torch starts a few for each core, and each process that decodes images does too."""
FILE_MB = 32 * 1024
"""The largest file that a child may write, MiB."""
MEMORY_HEADROOM = 1.25
"""The worker stops a child at its limit of memory, with a reason; this much above it the kernel does, without one."""
ANSWER_WITHIN_S = 20.0
INSTALL = "install bubblewrap (`sudo apt-get install bubblewrap`)"


class Sandbox(StrEnum):
    """The setting SANDBOX."""

    AUTO = "auto"
    UPLOADS = "uploads"
    REQUIRE = "require"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class FenceState:
    """What holds on this machine. `kind`: bubblewrap, limits (of files, without isolation) or none.

    `lacks`: what the fence does not hold, and what would help, in words; `is_whole` if it isolates network and files.
    """

    kind: str
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.kind == "bubblewrap"

    def in_words(self) -> str:
        """One line for people."""
        held = f"{self.kind}: {', '.join(self.holds)}" if self.holds else self.kind
        return held + "".join(f"; {lack}" for lack in self.lacks)


@dataclass(frozen=True, slots=True)
class FenceLimits:
    """What a child may take."""

    memory_mb: int
    processes: int = PROCESSES
    file_mb: int = FILE_MB


@dataclass(frozen=True, slots=True)
class Fence:
    """Wraps one child's command line. `close` it once the child has ended."""

    kind: str
    prefix: tuple[str, ...] = ()
    group: ControlGroup | None = None

    def around(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` inside."""
        return [*self.prefix, *command]

    @staticmethod
    def exit_code(code: int) -> int:
        """The child's own: bubblewrap and the shell report a signal as 128 + its number."""
        return 128 - code if 128 < code < 128 + 65 else code

    def close(self) -> None:
        """Remove its control group, if it has one."""
        if self.group is not None:
            self.group.remove()


@dataclass(frozen=True, slots=True)
class FencePaths:
    """own: the folder that it may write to. readable: files and folders besides those of the system."""

    own: Path
    readable: Sequence[Path] = field(default_factory=tuple)


def make_fence(
    own: Path, readable: Sequence[Path], limits: FenceLimits, environment: dict[str, str], *, enabled: bool = True
) -> Fence:
    """The best fence of this machine for a child that may write to `own` and read `readable`.

    enabled: False for no fence at all. environment: what the child gets.
    """
    if not enabled:
        return Fence("none")
    state = state_of_fence()
    prefix = _limits_of_files(limits)
    if not state.is_whole:
        return Fence(state.kind, tuple(prefix))
    group = None
    if os.geteuid() == 0:
        group = make_group(limits.processes, round(limits.memory_mb * MEMORY_HEADROOM))
    else:
        # In the namespace of users that bubblewrap makes, only the child's own processes count.
        prefix = [*prefix, f"--nproc={limits.processes}"]
    inside = bubblewrap(FencePaths(own, [*readable, *lock_files()]), limits, environment)
    return Fence(state.kind, (*_joining(group), *inside, *prefix), group)


def bubblewrap(paths: FencePaths, limits: FenceLimits, environment: dict[str, str]) -> list[str]:
    """bubblewrap's command line up to the command. Namespaces of network, processes, IPC and names; not of control
    groups, whose files say what a quota has denied."""
    command = [
        str(shutil.which("bwrap")),
        "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-user",
        "--cap-drop", "ALL", "--die-with-parent", "--hostname", "fenced",
    ]  # fmt: skip
    readable = [*paths.readable, *(path.resolve() for path in paths.readable)]
    shown = without_parts([*system_paths(environment), *readable])
    command += _read_only(shown)
    size = str(limits.memory_mb * 2**20)
    command += ["--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm"]  # noqa: S108
    for device in gpu_devices():
        command += ["--dev-bind", str(device), str(device)]
    command += ["--ro-bind-try", "/sys", "/sys", "--size", size, "--tmpfs", "/tmp"]  # noqa: S108
    # Once more what the private /tmp has just covered.
    command += _read_only([path for path in shown if path.is_relative_to("/tmp")])  # noqa: S108
    for own in dict.fromkeys((paths.own, paths.own.resolve())):
        command += ["--bind", str(own), str(own)]
    return [*command, "--chdir", str(paths.own), "--remount-ro", "/", "--"]


def _read_only(paths: Sequence[Path]) -> list[str]:
    return [word for path in paths for word in ("--ro-bind", str(path), str(path))]


def _joining(group: ControlGroup | None) -> list[str]:
    """A shell that becomes a member of the group before anything is started in it."""
    if group is None or not group.folders:
        return []
    script = 'until [ "$1" = -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"'
    return ["/bin/sh", "-c", script, "sh", *group.files, "--"]


def _limits_of_files(limits: FenceLimits) -> list[str]:
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        return []
    size = limits.file_mb * 2**20
    return [prlimit, f"--fsize={size}:{size}", "--core=0:0"]


def state_of_fence() -> FenceState:
    """Try the fence with a program that does nothing. Only a whole fence is remembered: others may be mended."""
    state = _tried()
    if not state.is_whole:
        _tried.cache_clear()
    return state


@cache
def _tried() -> FenceState:
    limits = FenceLimits(1024)
    why = _why_not_bubblewrap(limits)
    can_limit = shutil.which("prlimit") is not None
    held = ["size of files"] if can_limit else []
    lacks = [] if can_limit else ["no prlimit, so sizes of files are not limited: install util-linux"]
    if why:
        return FenceState("limits" if can_limit else "none", tuple(held), (f"no isolation: {why}", *lacks))
    held = ["no network", "no files but its own folder and what it reads", *held]
    if os.geteuid() == 0:
        group = make_group(limits.processes, limits.memory_mb)
        group.remove()
        limited = group.limits
        if "processes" not in limited:
            lacks.append("processes are not limited, since the worker is root: run it as a user of its own")
    else:
        limited = frozenset({"processes"}) if can_limit else frozenset()
    if "memory" not in limited:
        lacks.append("memory is checked by the worker, once a second")
    return FenceState("bubblewrap", (*held, *sorted(limited)), tuple(lacks))


def _why_not_bubblewrap(limits: FenceLimits) -> str:
    if shutil.which("bwrap") is None:
        return f"bubblewrap is not installed; {INSTALL}"
    command = [*bubblewrap(FencePaths(Path("/usr")), limits, {}), "/bin/true"]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=ANSWER_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not answer ({error})"
    if ended.returncode == 0:
        return ""
    reason = ended.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
    return (
        f"bubblewrap can't be used here ({reason[-1]}); allow unprivileged user namespaces "
        "(sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu; in a container --security-opt "
        "seccomp=unconfined --security-opt systempaths=unconfined)"
    )
