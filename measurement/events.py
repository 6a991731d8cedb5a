"""What a running measurement reports to the process that started it: one JSON object per line on standard output."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from measurement.errors import Fault
from measurement.vocabulary import Phase, Provenance, Scenario


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Started(_Event):
    """The recipe is valid and the device exists. `phases` names each step that will follow, in order."""

    event: Literal["started"] = "started"
    hardware: str
    phases: tuple[str, ...]


class PhaseStarted(_Event):
    """A phase begins. `position` counts the steps of `Started.phases` from 0.

    `earlier`: an earlier attempt ran it and spent its joules. `provenance`: of the joules that will be reported.
    """

    event: Literal["phase"] = "phase"
    position: int
    phase: Phase
    scenario: Scenario | None = None
    earlier: bool = False
    provenance: Provenance = Provenance.MISSING


class Progress(_Event):
    """At most a few a second. `fraction` is of the phase, 0..1; power and energy are of the accelerator scope."""

    event: Literal["progress"] = "progress"
    position: int
    fraction: float = Field(ge=0, le=1)
    detail: str = ""
    power_w: float | None = None
    energy_j: float | None = None


class PhaseEnded(_Event):
    """A phase's window is closed."""

    event: Literal["phase_end"] = "phase_end"
    position: int
    energy_j: float | None
    duration_s: float


class Finished(_Event):
    """The record and the trace are in the output folder under these names."""

    event: Literal["finished"] = "finished"
    record: str = "record.json"
    trace: str = "trace.parquet"


class Failed(_Event):
    """The run ends without a record, with this exit code. `fault`: whether another machine should try."""

    event: Literal["failed"] = "failed"
    exit_code: int
    fault: Fault = Fault.MEASUREMENT
    field: str = ""
    message: str


Event = Annotated[Started | PhaseStarted | Progress | PhaseEnded | Finished | Failed, Field(discriminator="event")]
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)


def parse_event(line: str | bytes) -> Event:
    """The event on one line. Raises ValueError for anything else."""
    return _ADAPTER.validate_json(line)
