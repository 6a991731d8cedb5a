"""Ends Python code that may never end by itself, such as a library's analysis of an arbitrary network."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_S = 0.1
"""Seconds until the next alarm, if the last one interrupted other code."""


class TimeLimitExceeded(BaseException):
    """The time is up. Not an Exception, so that no handler mistakes it for a failure of its own."""


@contextmanager
def time_limit(seconds: float, *, package: str) -> Iterator[None]:
    """Raise TimeLimitExceeded once `seconds` have passed, as soon as the interrupted code belongs to `package`.

    Other code might be a callback of a weak reference or of the garbage collector, where Python ignores exceptions.
    It needs the main thread, where signals arrive; in another thread, and with infinite seconds, there is no limit.
    An earlier alarm continues afterwards.
    """
    if math.isinf(seconds) or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        if frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == package:
            raise TimeLimitExceeded

    handler = signal.signal(signal.SIGALRM, end)
    alarm = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *alarm)
        signal.signal(signal.SIGALRM, handler)
