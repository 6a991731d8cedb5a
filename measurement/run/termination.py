"""Ends a run from outside: by a signal, or when the process that started it dies."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import NoReturn


class Stopped(BaseException):
    """A signal asked for the end. Not an Exception, so that no handler mistakes it for a failure."""


def stop_on_signals() -> None:
    """Turn SIGTERM and SIGINT into Stopped, raised in the main thread."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def watch_stdin() -> None:
    """End at once when standard input ends: the process that started this one holds its other end.

    So no measurement outlives its worker, however the worker died. Sends SIGKILL to the whole process group if this
    process leads it.
    """
    threading.Thread(target=_wait_for_end_of_input, name="stdin-watch", daemon=True).start()


def _wait_for_end_of_input() -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(f"stopped by {signal.Signals(number).name}")
