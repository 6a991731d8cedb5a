"""Waiting for what is to happen, not for as long as some machine would take to bring it about."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

HANG_S = float(os.environ.get("HANG_S", "600"))
"""Seconds after which nothing is waited for any more. A machine under load is slower than one at rest by a factor of
ten, not of a thousand: whatever takes so long hangs. HANG_S=30 in the environment tells a hang sooner."""

HANG_MS = HANG_S * 1000
"""The same for Playwright."""

Result = TypeVar("Result")


def wait_until(
    condition: Callable[[], Result], what: str, *, every_s: float = 0.02, tell: Callable[[], str] = str
) -> Result:
    """The first true result of `condition`. AssertionError where it hangs, with `what` and what `tell` says."""
    deadline = time.monotonic() + HANG_S
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited {HANG_S:.0f} s for {what}\n{tell()}".rstrip()
        time.sleep(every_s)
    return result
