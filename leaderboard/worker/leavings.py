"""What a child that ended without a result leaves for the submitter: what was at fault, and its last lines."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable

from leaderboard.models import Ended
from leaderboard.services import Left
from measurement.events import Failed

_FOLDERS = re.compile(r"(?<![\w:/.…])/(?:[^/\s\"']+/)+")


def left_by(outcome: Failed | None, lines: Iterable[str], ended: Ended | None) -> Left:
    """Of a child that reported `outcome`, or that its worker saw end by `ended`."""
    field = outcome.field if outcome is not None else ""
    return Left(ended or "", field, without_folders("\n".join(lines)))


def ended_by(code: int, outcome: Failed | None) -> Ended:
    """What ended a child: what it said itself, or what its exit code says."""
    if outcome is not None:
        return Ended(outcome.fault)
    if code == -signal.SIGKILL:
        return Ended.MEMORY
    return Ended.CRASH if code < 0 else Ended.MEASUREMENT


def without_folders(text: str) -> str:
    """Lines of a log with only the last part of every path: folders name accounts of the machine."""
    return _FOLDERS.sub("…/", text)
