"""Runs any command under the meter, and writes its record and trace."""

from __future__ import annotations

import os
import platform
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import FrameType

from measurement.command.listening import Listener
from measurement.command.windows import Windows
from measurement.command_record import RECORD, TRACE, CommandRecord, write_command_record
from measurement.dataroot import sha256_of
from measurement.errors import BadInput, BadOption, MeasurementError
from measurement.meters import EnergyMeter, nvml
from measurement.meters.discovery import describe_hardware, missing_meter
from measurement.vocabulary import Phase, Scope

GRACE_S = 10.0
"""How long an interrupted command may take to end by itself."""
TICK_S = 0.5
NOT_FOUND = "command not found; write it as in a shell, after --"
PACKAGES = ("full-cycle-energy-leaderboard", "nvidia-ml-py", "psutil", "pyarrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOptions:
    """on_tick: called twice a second with the windows while the command runs."""

    device: str = "auto"
    phase: Phase = Phase.TRAIN
    force: bool = False
    require_metered: bool = False
    on_tick: Callable[[Windows], None] = field(default=lambda windows: None)


def meter_command(command: Sequence[str], out: Path, options: CommandOptions) -> CommandRecord:
    """Run `command`, charge what it marks to its phases, and write record.json and trace.parquet to `out`.

    SIGINT and SIGTERM end the command's process group; what was measured until then is written, marked as
    interrupted. Raises BadInput for a command that can't be started, MeterMissing, DeviceInUse and others; then
    nothing is written.
    """
    _check_folder(out, force=options.force)
    if shutil.which(command[0]) is None and not Path(command[0]).exists():
        raise BadInput(f"{command[0]}: {NOT_FOUND}", field="COMMAND")
    device = _choose(options.device)
    hardware = describe_hardware(device)
    meter = EnergyMeter.for_device(device, require_metered=options.require_metered)
    if not meter.sources(Scope.ACCELERATOR):
        raise missing_meter(meter.device, meter.remedies)
    started_at = datetime.now(UTC)
    windows = Windows(meter, options.phase)
    with _Stopping() as stopping, meter, Listener() as listener:
        with suppress(_Stop):
            meter.measure_idle()
        if stopping.signal:
            raise BadInput(f"stopped by {stopping.signal} before the command was started")
        stopping.raises = False
        with windows:
            code = _run(command, listener, windows, stopping, options)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=out) as name:
        staging = Path(name)
        meter.write_trace(staging / TRACE)
        record = CommandRecord(
            command=tuple(command),
            hardware=hardware,
            software=_software(),
            started_at=started_at,
            ended_at=datetime.now(UTC),
            exit_code=code if code >= 0 else None,
            ended_by=signal.Signals(-code).name if code < 0 else None,
            interrupted=stopping.signal or None,
            idle_power_w=meter.idle_power_w,
            phases=tuple(windows.stretches),
            trace_sha256=sha256_of(staging / TRACE),
        )
        write_command_record(record, staging / RECORD)
        for result in (TRACE, RECORD):
            (staging / result).replace(out / result)
    return record


def _run(
    command: Sequence[str], listener: Listener, windows: Windows, stopping: _Stopping, options: CommandOptions
) -> int:
    """The command's exit code, negative for the signal that ended it."""
    with _started(command, listener) as process:
        threading.Thread(target=_announce_end, args=(process, listener), name="command-end", daemon=True).start()
        while True:
            stopping.pass_on(process)
            try:
                mark = listener.marks.get(timeout=TICK_S)
            except queue.Empty:
                options.on_tick(windows)
                continue
            if mark is None:
                return process.wait()
            mark.answer(windows.mark(mark.verb, mark.name))


@contextmanager
def _started(command: Sequence[str], listener: Listener) -> Iterator[subprocess.Popen[bytes]]:
    try:
        # A session of its own, so that Ctrl+C comes to the meter alone, which passes it on.
        process = subprocess.Popen(list(command), env=listener.environment, start_new_session=True)
    except OSError as error:
        raise BadInput(f"{command[0]}: {_why_not_started(error)}", field="COMMAND") from None
    try:
        yield process
    finally:
        _signal_group(process, signal.SIGKILL)  # whatever it started and left behind
        process.wait()


def _why_not_started(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return NOT_FOUND
    if isinstance(error, PermissionError):
        return "can't be executed; make it executable, or name its interpreter, as in `-- python train.py`"
    return f"can't be started: {error.strerror}"


def _announce_end(process: subprocess.Popen[bytes], listener: Listener) -> None:
    # Not process.wait(), whose lock the main thread may need: this leaves the process to be reaped there.
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    listener.put_end()


class _Stop(BaseException):
    """A signal came before the command was started."""


class _Stopping:
    """Takes SIGINT and SIGTERM while open: `signal` names the first one. The second one kills."""

    def __init__(self) -> None:
        self.signal = ""
        self.raises = True
        self._number = self._count = self._passed = 0
        self._kill: threading.Timer | None = None

    def __enter__(self) -> _Stopping:
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._kill is not None:
            self._kill.cancel()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or signal.Signals(number).name
        self._number = number
        self._count += 1
        if self.raises:
            raise _Stop

    def pass_on(self, process: subprocess.Popen[bytes]) -> None:
        if self._count == self._passed:
            return
        first, self._passed = self._passed == 0, self._count
        _signal_group(process, self._number if first else signal.SIGKILL)
        if first:
            self._kill = threading.Timer(GRACE_S, _signal_group, (process, signal.SIGKILL))
            self._kill.daemon = True
            self._kill.start()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _check_folder(out: Path, *, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise BadOption(f"{out} is not a folder", field="--out")
    if (out / RECORD).exists() and not force:
        raise BadInput(
            f"{out} holds a {RECORD} already; choose another folder, or use --force to replace it", field="--out"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadOption(f"can't write {out}: {error.strerror}", field="--out") from None


def _choose(device: str) -> str:
    """`auto` is the first GPU that the driver shows, else the CPU: torch is not asked."""
    if device != "auto":
        return device
    try:
        nvml.start()
        return "cuda:0" if nvml.visible_count() else "cpu"
    except MeasurementError:
        return "cpu"


def _software() -> dict[str, str]:
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions
