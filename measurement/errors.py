"""What can end a measurement, each with the exit code that the command line gives it."""

from __future__ import annotations

from typing import ClassVar


class MeasurementError(Exception):
    """A measurement that can't go on. The message says what the operator can do.

    `field` names the part of the recipe or the option at fault; empty where there is none.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class MeterFailure(MeasurementError):
    """A meter's driver failed: the one exception for all driver errors."""


class BadInput(MeasurementError):
    """A recipe, an option or a file that can't be taken as it is."""

    exit_code: ClassVar[int] = 2


class OverBudget(MeasurementError):
    """The time or energy budget is spent."""

    exit_code: ClassVar[int] = 3


class MeterMissing(MeasurementError):
    """A metered figure is required, and this machine has no meter for it."""

    exit_code: ClassVar[int] = 4


class NotTrustworthy(MeasurementError):
    """The figure was read, but something disturbed it: a foreign process, throttling."""

    exit_code: ClassVar[int] = 5
