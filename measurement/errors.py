"""What can end a measurement: each error has an exit code for the command line and a fault for the worker."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """The kind of fault that ended a measurement. A worker decides by it whether another machine should try."""

    RECIPE = "recipe"
    """The recipe or an option: it fails on every machine."""
    MACHINE = "machine"
    """A disk, a device, a meter, a missing package, another measurement on the device: another machine may
    succeed."""
    DATA = "data"
    """Data or weights that the recipe names are not on this machine; other recipes may run on it."""
    BUDGET = "budget"
    """The budget of time or energy is spent."""
    MEASUREMENT = "measurement"
    """The run itself: training diverged, figures can't be trusted, or an unexpected error."""


class MeasurementError(Exception):
    """A measurement that can't continue. The message says what the operator can do.

    `field` names the part of the recipe or the option at fault; empty if there is none.
    """

    exit_code: ClassVar[int] = 1
    fault: ClassVar[Fault] = Fault.MEASUREMENT

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class MeterFailure(MeasurementError):
    """A meter's driver failed: the one exception for all driver errors."""

    fault: ClassVar[Fault] = Fault.MACHINE


class BadInput(MeasurementError):
    """A recipe, an option or a file that can't be used as it is."""

    exit_code: ClassVar[int] = 2
    fault: ClassVar[Fault] = Fault.RECIPE


class BadOption(BadInput):
    """An option, an environment variable or an output folder. The worker sets these, not the recipe."""

    fault: ClassVar[Fault] = Fault.MACHINE


NOT_FOUND = "not found on this machine:"
"""How the message of DataMissing begins, for people."""


class DataMissing(BadInput):
    """A data set or weights that the recipe names are not on this machine, or not the right ones."""

    fault: ClassVar[Fault] = Fault.DATA


class OverBudget(MeasurementError):
    """The time or energy budget is spent."""

    exit_code: ClassVar[int] = 3
    fault: ClassVar[Fault] = Fault.BUDGET


class MeterMissing(MeasurementError):
    """A metered figure is required, and this machine has no meter for it."""

    exit_code: ClassVar[int] = 4
    fault: ClassVar[Fault] = Fault.MACHINE


class NotTrustworthy(MeasurementError):
    """The figure was read, but something disturbed it: a foreign process, throttling."""

    exit_code: ClassVar[int] = 5


class DeviceInUse(NotTrustworthy):
    """Another measurement holds the device."""

    fault: ClassVar[Fault] = Fault.MACHINE
