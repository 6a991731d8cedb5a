"""Ends Python code that may never end by itself, such as a library's walk through somebody's network."""

from __future__ import annotations

import gc
import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_S = 0.1
"""The alarm rings again where an exception would have been lost."""


class TookTooLong(BaseException):
    """The time is up. Not an Exception, so that no handler on the way mistakes it for a failure of its own."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TookTooLong in the code within once `seconds` have gone by, between two of Python's instructions.

    It needs the main thread, where signals arrive; in any other, and with infinite seconds, the code within may take
    its time. An alarm that was set before goes on afterwards.
    """
    if math.isinf(seconds) or threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGALRM, _end)
    alarm = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *alarm)
        signal.signal(signal.SIGALRM, handler)


def _end(number: int, frame: FrameType | None) -> None:
    """Raise TookTooLong, but not in a callback of the garbage collector: Python ignores what is raised there."""
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code in callbacks:
            return
        frame = frame.f_back
    raise TookTooLong
