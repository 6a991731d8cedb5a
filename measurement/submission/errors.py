"""What can end a submission, each with its exit code."""

from __future__ import annotations

from typing import ClassVar

from measurement.documents import Fault
from measurement.errors import BadInput, MeasurementError


class Refused(BadInput):
    """The site takes what was sent for wrong; it says why, field by field."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


class SiteTrouble(MeasurementError):
    """The site can't be reached, is too busy, or answers what no leaderboard does."""


class ResultHeld(MeasurementError):
    """The run was measured, and its result waits for an administrator's review."""

    exit_code: ClassVar[int] = 5


class RunFailed(MeasurementError):
    """The run failed or was cancelled, or its submission was withdrawn: there is no result."""

    exit_code: ClassVar[int] = 6
