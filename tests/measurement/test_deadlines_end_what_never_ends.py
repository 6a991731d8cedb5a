"""Code that may never end is ended, wherever it is, and nothing of the alarm stays behind."""

from __future__ import annotations

import math
import signal
import threading
import time
from contextlib import suppress
from itertools import count
from weakref import WeakSet

import pytest

from measurement.methods.time_limit import TimeLimitExceeded, time_limit
from tests.waiting import HANG_S

NO_ALARM = (0.0, 0.0)
HERE = __name__.partition(".")[0]


def test_it_ends_what_swallows_every_exception() -> None:
    with pytest.raises(TimeLimitExceeded), time_limit(0.05, package=HERE):
        _swallow()
    assert signal.getitimer(signal.ITIMER_REAL) == NO_ALARM
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_it_is_not_lost_in_callbacks_where_python_ignores_what_is_raised() -> None:
    """Nor does it show there: pytest makes an error of what Python ignores."""
    with pytest.raises(TimeLimitExceeded), time_limit(0.05, package=HERE):
        _litter()


def _swallow() -> None:
    for _ in count():
        with suppress(Exception):  # as a library may
            sum(range(1000))


class Thing:
    """What a weak reference may point to."""


def _litter() -> None:
    """Half of the time goes into the callbacks of weak references."""
    watched: WeakSet[Thing] = WeakSet()
    for _ in count():
        watched.add(Thing())
        for _ in range(50):
            pass


def test_code_of_others_is_not_interrupted() -> None:
    with time_limit(0.05, package="elsewhere"):
        time.sleep(0.3)


def test_what_is_done_in_time_goes_on_undisturbed() -> None:
    with time_limit(60, package=HERE):
        done = sum(range(1000))
    assert done == 499_500
    assert signal.getitimer(signal.ITIMER_REAL) == NO_ALARM


def test_an_alarm_that_was_set_before_goes_on() -> None:
    rung = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: rung.set())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with time_limit(60, package=HERE):
            pass
        assert rung.wait(HANG_S)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_without_a_limit_or_outside_the_main_thread_it_only_runs() -> None:
    ended: list[str] = []

    def work(seconds: float) -> None:
        with time_limit(seconds, package=HERE):
            time.sleep(0.05)
            ended.append("done")

    thread = threading.Thread(target=work, args=(0.01,))
    thread.start()
    thread.join()
    work(math.inf)
    assert ended == ["done", "done"]
