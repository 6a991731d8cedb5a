"""Calls that really run at the same time, each on a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from tests.waiting import HANG_S


def together(*acts: Callable[[], Any]) -> list[Any]:
    """What each call returned or raised, in the order given."""
    results: list[Any] = [None] * len(acts)
    barrier = threading.Barrier(len(acts))

    def work(number: int) -> None:
        try:
            barrier.wait(HANG_S)
            results[number] = acts[number]()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG_S)
        assert not thread.is_alive(), "a call hangs"
    return results
