"""Ends Python code that may never end by itself, such as a library's walk through somebody's network."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_S = 0.1
"""The alarm rings again where other code was interrupted."""


class TookTooLong(BaseException):
    """The time is up. Not an Exception, so that no handler on the way mistakes it for a failure of its own."""


@contextmanager
def at_most(seconds: float, *, package: str) -> Iterator[None]:
    """Raise TookTooLong once `seconds` have gone by, as soon as it is code of `package` that is interrupted.

    Elsewhere it might be a callback of a weak reference or of the garbage collector, where Python ignores what is
    raised. It needs the main thread, where signals arrive; in any other, and with infinite seconds, the code within
    may take its time. An alarm that was set before goes on afterwards.
    """
    if math.isinf(seconds) or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        if frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == package:
            raise TookTooLong

    handler = signal.signal(signal.SIGALRM, end)
    alarm = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *alarm)
        signal.signal(signal.SIGALRM, handler)
