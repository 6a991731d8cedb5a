"""Runs `python -m measurement` as a child process, watches it, and reports how it ended.

The child has a process group, a scrubbed environment and a pipe on its standard input: when this process is gone,
the pipe closes and the child ends itself.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from leaderboard.models import Ended
from leaderboard.services import NOTHING, Left
from leaderboard.worker.leavings import ended_by, left_by
from leaderboard.worker.machine import data_root_variable, hidden_split_variable
from measurement.dataroot import DATA_ROOT_VARIABLE, LOCK_FOLDER_VARIABLE, lock_folder
from measurement.errors import Fault
from measurement.events import Event, Failed, Finished, parse_event
from measurement.fence import PROCESSES, FenceLimits, data_paths, make_fence

# The environment variables that a measurement gets: no secret, no database, no broker.
KEPT_VARIABLES = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "LD_LIBRARY_PATH",
    "CUDA_HOME",
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
)
KEPT_PREFIX = "MEASUREMENT_"
RECIPE = "recipe.json"
TICK_S = 0.2
MEMORY_CHECK_S = 1.0
GRACE_S = 5.0
REASONS = {
    1: "The measurement failed",
    2: "The recipe can't be run",
    3: "Over budget",
    4: "A meter is missing",
    5: "The measurement can't be trusted",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may take: seconds of wall time, joules, MiB of resident memory, seconds without an event.

    accept_busy: not the time to measure again what other work on the machine disturbed. fenced: whether it runs in
    the best fence of this machine, which allows it so many processes and threads.
    """

    time_s: float
    energy_j: float
    memory_mb: int
    silence_s: float
    accept_busy: bool = False
    fenced: bool = False
    processes: int = PROCESSES


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended. `reason`, for people, is empty if it succeeded; decisions are made by `fault`.

    `fault` is None if it succeeded, or if it ended before it could say what was at fault. `left`: for the submitter.
    """

    succeeded: bool
    reason: str = ""
    fault: Fault | None = None
    left: Left = NOTHING


class Child:
    """One `python -m measurement run`. Iterate to receive its events; between them, `None` about five times a second.

    out: an existing folder that holds recipe.json and receives record.json and trace.parquet.
    """

    def __init__(
        self, out: Path, *, mode: str, device: str, limits: Limits, command: list[str] | None = None
    ) -> None:
        self.out = out
        self.limits = limits
        self._stopped_because = ""
        self._stopped_by: Ended | None = None
        self._last_lines: deque[str] = deque(maxlen=20)
        self._outcome: Finished | Failed | None = None
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._started = self._last_event_at = time.monotonic()
        self._memory_checked = 0.0
        environment = scrubbed_environment(out)
        self._fence = make_fence(
            out,
            data_paths(Path(environment[DATA_ROOT_VARIABLE]), _recipe_in(out)),
            FenceLimits(limits.memory_mb, limits.processes),
            environment,
            enabled=limits.fenced,
        )
        self.process = subprocess.Popen(
            self._fence.around(command or _measurement_command(out, mode, device, limits)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=out,
            env=environment,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_events(self) -> None:
        assert self.process.stdout  # noqa: S101 - opened as a pipe above
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr  # noqa: S101 - opened as a pipe above
        for line in self.process.stderr:
            if text := line.decode(errors="replace").strip():
                self._last_lines.append(text[:500])

    def __iter__(self) -> Iterator[Event | None]:
        while True:
            try:
                line = self._lines.get(timeout=TICK_S)
            except queue.Empty:
                self._enforce_limits()
                yield None
                continue
            if line is None:
                return
            self._last_event_at = time.monotonic()
            self._enforce_limits()
            try:
                event = parse_event(line)
            except ValueError:
                self._last_lines.append(line.decode(errors="replace").strip()[:500])
                continue
            if isinstance(event, Finished | Failed):
                self._outcome = self._outcome or event
            yield event

    def _enforce_limits(self) -> None:
        now = time.monotonic()
        if now - self._started > self.limits.time_s + GRACE_S:
            self.stop(
                f"Over budget: still running after {self.limits.time_s:,.0f} s, the time limit of a run.",
                Ended.BUDGET,
            )
        elif now - self._last_event_at > self.limits.silence_s:
            self.stop(f"The measurement hung: it reported nothing for {self.limits.silence_s:,.0f} s.", Ended.SILENCE)
        elif now - self._memory_checked > MEMORY_CHECK_S:
            self._memory_checked = now
            used_mb = _resident_mb(self.process.pid)
            if used_mb > self.limits.memory_mb:
                used_mb = _proportional_mb(self.process.pid)
            if used_mb > self.limits.memory_mb:
                self.stop(
                    f"Out of memory: the measurement used {used_mb:,.0f} MiB; the limit is "
                    f"{self.limits.memory_mb:,} MiB. Use a smaller batch_size or resolution.",
                    Ended.MEMORY,
                )

    def stop(self, reason: str, ended: Ended | None = None) -> None:
        """Kill the whole process group; `reason` becomes the ending's, and `ended` what is at fault."""
        if not self._stopped_because:
            self._stopped_because, self._stopped_by = reason, ended
        kill_group(self.process.pid)

    def wait(self) -> Ending:
        """Reap the child once its events have ended."""
        try:
            code = self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.stop("The measurement closed its output but did not end.", Ended.CRASH)
            code = self.process.wait()
        kill_group(self.process.pid)  # whatever it started and left behind
        code = self._fence.exit_code(code)
        for reader in self._readers:
            reader.join(GRACE_S)
        if self.process.stdin:
            self.process.stdin.close()
        self._fence.close()
        if self._has_finished():
            return Ending(True)
        if self._stopped_because:
            return Ending(False, self._stopped_because, left=self._left(self._stopped_by))
        if code == 0:
            return Ending(True)
        failed = self._outcome if isinstance(self._outcome, Failed) else None
        fault = failed.fault if failed else None
        return Ending(False, self._explain(code), fault, self._left(ended_by(code, failed)))

    def _left(self, ended: Ended | None) -> Left:
        return left_by(self._outcome if isinstance(self._outcome, Failed) else None, self._last_lines, ended)

    def _has_finished(self) -> bool:
        """Whether its record is written: how the process then exits does not matter."""
        return isinstance(self._outcome, Finished) and (self.out / "record.json").exists()

    def _explain(self, code: int) -> str:
        if code == -signal.SIGKILL:
            return "The measurement was killed by the system, most likely because the machine ran out of memory."
        if code < 0:
            return f"The measurement crashed ({signal.Signals(-code).name}). {self._last_line()}".strip()
        if isinstance(self._outcome, Failed):
            field = f"{self._outcome.field}: " if self._outcome.field else ""
            return f"{REASONS.get(code, REASONS[1])}: {field}{self._outcome.message}"
        return f"{REASONS.get(code, REASONS[1])}: {self._last_line() or f'exit code {code}'}"

    def _last_line(self) -> str:
        return self._last_lines[-1] if self._last_lines else ""


def _recipe_in(out: Path) -> str:
    """The recipe's text; empty if there is none, for a program that measures nothing."""
    try:
        return (out / RECIPE).read_text("utf-8")
    except FileNotFoundError:
        return ""


def _measurement_command(out: Path, mode: str, device: str, limits: Limits) -> list[str]:
    return [
        sys.executable,
        "-I",
        "-m",
        "measurement",
        "run",
        str(out / RECIPE),
        "--out",
        str(out),
        "--mode",
        mode,
        "--device",
        device,
        "--budget-s",
        str(limits.time_s),
        "--budget-j",
        str(limits.energy_j),
        "--memory-mb",
        str(limits.memory_mb),
        "--resume",
        "--events",
        "--watch-stdin",
        *(["--accept-busy"] if limits.accept_busy else []),
    ]


def scrubbed_environment(home: Path) -> dict[str, str]:
    """What a child gets: the variables in KEPT_VARIABLES, MEASUREMENT_*, the data root, the key of the hidden splits,
    `home` as its home folder."""
    kept = {
        name: value for name, value in os.environ.items() if name in KEPT_VARIABLES or name.startswith(KEPT_PREFIX)
    }
    given = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        # As `measurement run` starts itself again with (measurement/run/memory.py): this saves the second start.
        "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
        # Inside a fence, the folder's permissions don't show that all may write to it.
        LOCK_FOLDER_VARIABLE: str(lock_folder()),
    }
    return kept | data_root_variable() | hidden_split_variable() | given


def kill_group(leader: int) -> None:
    """Send SIGKILL to a process group; do nothing if it is gone already."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _resident_mb(pid: int) -> float:
    """Of a process and its descendants. Shared memory counts for each of them: too much, but cheap to read."""
    return sum(_of_each(pid, lambda process: process.memory_info().rss)) / 2**20


def _proportional_mb(pid: int) -> float:
    """The same with shared memory counted once: processes that decode images share most of theirs."""
    return sum(_of_each(pid, lambda process: process.memory_full_info().pss)) / 2**20


def _of_each(pid: int, read: Callable[[psutil.Process], int]) -> Iterator[int]:
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return
    for process in processes:
        with suppress(psutil.Error):  # it has just ended
            yield int(read(process))


def supervise(child: Child, on_event: Callable[[Event | None], str]) -> Ending:
    """Feed every event to `on_event`, which returns a reason to stop the child, or nothing to let it go on."""
    try:
        for event in child:
            if reason := on_event(event):
                child.stop(reason)
    except BaseException:
        child.stop("The worker was interrupted.")
        raise
    finally:
        ending = child.wait()
    return ending
