"""Code that may never end is ended, wherever it is, and nothing of the alarm stays behind."""

from __future__ import annotations

import gc
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

import pytest

from measurement.deadline import TookTooLong, at_most

NO_ALARM = (0.0, 0.0)


@pytest.fixture
def busy_collector() -> Iterator[None]:
    """A garbage collector that spends nearly all of the time in a callback."""

    def callback(phase: str, info: dict[str, int]) -> None:
        until = time.perf_counter() + 0.002
        while time.perf_counter() < until:
            pass

    gc.callbacks.append(callback)
    yield
    gc.callbacks.remove(callback)


def test_it_ends_what_swallows_every_exception() -> None:
    with pytest.raises(TookTooLong), at_most(0.05):
        _swallow()
    assert signal.getitimer(signal.ITIMER_REAL) == NO_ALARM
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_it_ends_what_mostly_collects_garbage(busy_collector: None) -> None:
    with pytest.raises(TookTooLong), at_most(0.05):
        _litter()


def _swallow() -> None:
    for _ in count():
        with suppress(Exception):  # as a library may
            sum(range(1000))


def _litter() -> None:
    for _ in count():
        [[] for _ in range(2000)]


def test_what_is_done_in_time_goes_on_undisturbed() -> None:
    with at_most(60):
        done = sum(range(1000))
    assert done == 499_500
    assert signal.getitimer(signal.ITIMER_REAL) == NO_ALARM


def test_an_alarm_that_was_set_before_goes_on() -> None:
    rung = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: rung.set())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with at_most(60):
            pass
        assert rung.wait(10)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_without_a_limit_or_outside_the_main_thread_it_only_runs() -> None:
    ended: list[str] = []

    def work(seconds: float) -> None:
        with at_most(seconds):
            time.sleep(0.05)
            ended.append("done")

    thread = threading.Thread(target=work, args=(0.01,))
    thread.start()
    thread.join()
    work(math.inf)
    assert ended == ["done", "done"]
