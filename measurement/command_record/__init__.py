"""The record of a command: what `python -m measurement meter` found while any program ran, as versioned JSON.

`trace.parquet` in the same folder holds the readings from which its joules can be recomputed.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from measurement.documents import DocumentError, faults_of
from measurement.record import Energy, Hardware, NonNegative, Record, parse_record
from measurement.vocabulary import Flag, Phase, Scope

RECORD, TRACE = "record.json", "trace.parquet"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Stretch(_Part):
    """One time between two marks. `started_s` and `ended_s` are seconds on the trace's own clock.

    `phase` is None for what was not marked: it belongs to the program, and is charged to no phase.
    """

    position: int = Field(ge=0)
    phase: Phase | None
    started_s: float
    ended_s: float
    duration_s: NonNegative
    energies: tuple[Energy, ...] = Field(min_length=2, max_length=2)
    flags: tuple[Flag, ...] = ()
    detail: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_each_scope(self) -> Self:
        if {energy.scope for energy in self.energies} != set(Scope):
            raise ValueError("energies must hold each scope once")
        return self

    def energy(self, scope: Scope | str) -> Energy:
        """The joules in `scope`."""
        return next(energy for energy in self.energies if energy.scope == scope)


class CommandRecord(_Part):
    """Version 1. `exit_code` is the command's; None if a signal ended it, which `ended_by` then names.

    `interrupted` names the signal that stopped the measurement before the command had ended, None if none did.
    """

    command_record_version: Literal[1] = 1
    command: tuple[str, ...] = Field(min_length=1)
    hardware: Hardware
    software: dict[str, str]
    started_at: datetime
    ended_at: datetime
    exit_code: int | None
    ended_by: str | None = None
    interrupted: str | None = None
    idle_power_w: dict[Scope, NonNegative | None]
    phases: tuple[Stretch, ...] = Field(min_length=1)
    trace_sha256: str

    @model_validator(mode="after")
    def _is_numbered(self) -> Self:
        if [stretch.position for stretch in self.phases] != list(range(len(self.phases))):
            raise ValueError("phases must be numbered 0, 1, 2 … in order")
        return self

    def energy_j(self, phase: Phase | None, scope: Scope | str) -> float | None:
        """Joules of all stretches of a phase; None if there is none, or if one of them has no figure."""
        figures = [stretch.energy(scope).energy_j for stretch in self.phases if stretch.phase == phase]
        known = [energy_j for energy_j in figures if energy_j is not None]
        return sum(known) if known and len(known) == len(figures) else None


def parse_any_record(text: str | bytes) -> Record | CommandRecord:
    """The record of a run or of a command, from JSON. Raises DocumentError with one fault per field."""
    try:
        document = json.loads(text)
    except ValueError:
        return parse_record(text)  # which says what is wrong
    if not (isinstance(document, dict) and "command_record_version" in document):
        return parse_record(text)
    try:
        return CommandRecord.model_validate_json(text)
    except ValidationError as error:
        raise DocumentError(faults_of(error)) from None


def write_command_record(record: CommandRecord, path: Path) -> None:
    """Write `record` as indented JSON; a reader sees the whole file or none."""
    partial = path.with_suffix(".partial")
    partial.write_text(record.model_dump_json(indent=2) + "\n", "utf-8")
    partial.replace(path)
