"""How a run ends when someone else wants it to: a signal, or the death of the process that started it."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import NoReturn


class Stopped(BaseException):
    """A signal asked for the end. Not an Exception, so that no handler on the way mistakes it for a failure."""


def stop_on_signals() -> None:
    """Turn SIGTERM and SIGINT into Stopped, raised in the main thread."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def watch_stdin() -> None:
    """Die at once when standard input ends: its other end is held by the process that started this one.

    So no measurement outlives its worker, however the worker died. SIGKILL for the whole process group where this
    process leads it.
    """
    threading.Thread(target=_wait_for_end_of_input, name="lifeline", daemon=True).start()


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
