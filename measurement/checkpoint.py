"""What a run keeps at the end of each phase, so that a worker's death does not pay for its training twice.

`checkpoint/` in the output folder holds the network, the records of the finished phases, the trace so far, and what
has been spent; network and trace are named by the number of phases that they come after. A run that resumes goes on
after the last finished phase, on the trace's own clock; what the lost attempt had spent beyond it is told in the
record, apart from the phases, and counts in the budget with all else that earlier attempts have spent.

The network is pickled, since pruned and searched ones have no shape that could be told otherwise: it is read only
where this program has written it.
"""

from __future__ import annotations

import math
import pickle
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import BaseModel, ValidationError
from torch import nn

from measurement.errors import BadInput, MeasurementError
from measurement.meters import EnergyMeter, Window
from measurement.meters.base import SystemClock, provenance_of
from measurement.output import TRACE
from measurement.record import Energy, Hardware, LostAttempt, PhaseRecord
from measurement.steps import Steps
from measurement.vocabulary import Mode, Scope
from measurement.workbench import Workbench

FOLDER, JOURNAL, NETWORK, SPENT, LOST = "checkpoint", "journal.json", "network.pt", "spent.json", "lost.json"
SPENT_EVERY_S = 0.5

Document = TypeVar("Document", bound=BaseModel)


class Origin(BaseModel):
    """What must be the same for a run to go on: recipe, mode and device."""

    recipe_sha256: str
    mode: Mode
    hardware: str
    device_uuid: str | None

    @classmethod
    def of(cls, recipe_sha256: str, mode: Mode, hardware: Hardware) -> Origin:
        return cls(recipe_sha256=recipe_sha256, mode=mode, hardware=hardware.name, device_uuid=hardware.uuid)


class Spent(BaseModel):
    """What a run has spent in all its attempts, open windows included; the latest one began at `started_at`."""

    started_at: datetime
    time_s: float
    energies: tuple[Energy, ...]


class Journal(BaseModel):
    """The state of a run after its last finished phase.

    `kept` is what had been spent by then; None once another attempt goes on from it.
    `wall_at_zero` and `clock_s` are the trace's anchor and its last time.
    """

    origin: Origin
    phases: tuple[PhaseRecord, ...]
    kept: Spent | None
    architecture: str
    resolution: int
    left_out: bool
    wall_at_zero: datetime
    clock_s: float
    idle_power_w: dict[Scope, float | None]


class Losses(BaseModel):
    """The attempts that were lost so far, and what had been spent before the present one; None before the first."""

    origin: Origin
    attempts: tuple[LostAttempt, ...]
    spent: Spent | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier attempts at a run have left: where to go on from, if anywhere, what each lost, what all spent."""

    journal: Journal | None = None
    lost: tuple[LostAttempt, ...] = ()
    spent: Spent | None = None

    @property
    def spent_s(self) -> float:
        """Seconds of all earlier attempts together."""
        return self.spent.time_s if self.spent is not None else 0.0

    def spent_j(self) -> dict[Scope, float | None]:
        """Joules of all earlier attempts together; None in a scope without a figure."""
        known = self.spent.energies if self.spent is not None else ()
        return dict.fromkeys(Scope, 0.0) | {energy.scope: energy.energy_j for energy in known}

    def clock(self) -> SystemClock:
        """A clock that goes on with the trace's, or a new one."""
        if self.journal is None:
            return SystemClock()
        return SystemClock(self.journal.wall_at_zero, self.journal.clock_s + 1.0)


class Checkpoint:
    """The folder `checkpoint/` of one run."""

    def __init__(self, out: Path, origin: Origin) -> None:
        self.folder = out / FOLDER
        self.origin = origin
        self._spent_s = -math.inf

    def read(self) -> Earlier:
        """What earlier attempts have left; what is of another recipe, mode or device, or unreadable, is nothing."""
        journal, losses = self._resumable(), self._losses()
        lost = losses.attempts if losses else ()
        before = journal.kept if journal and journal.kept else losses.spent if losses else None
        spent = self._read(SPENT, Spent) if journal or losses else None
        if spent is not None:
            lost = (*lost, _beyond(spent, before))
        return Earlier(journal, lost, spent or before)

    def begin(self, earlier: Earlier) -> None:
        """Go on from `earlier`, or anew: what lies there of anything else is removed. Raises BadInput."""
        try:
            if earlier.journal is None:
                shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(LOST, Losses(origin=self.origin, attempts=earlier.lost, spent=earlier.spent))
            if earlier.journal is not None:
                self._write(JOURNAL, earlier.journal.model_copy(update={"kept": None}))
            (self.folder / SPENT).unlink(missing_ok=True)
        except OSError as error:
            raise BadInput(f"{self.folder} can't be written: {error.strerror}", field="--out") from None

    def _resumable(self) -> Journal | None:
        journal = self._read(JOURNAL, Journal)
        usable = journal is not None and journal.origin == self.origin and self._file_of(journal, NETWORK).exists()
        return journal if usable else None

    def _losses(self) -> Losses | None:
        """None where another run has left what is there."""
        losses = self._read(LOST, Losses)
        return losses if losses is not None and losses.origin == self.origin else None

    def network(self, journal: Journal) -> nn.Module:
        """The network after the last finished phase."""
        path = self._file_of(journal, NETWORK)
        network: nn.Module = torch.load(path, map_location="cpu", weights_only=False)
        return network

    def trace(self, journal: Journal) -> Path:
        """The trace up to the last finished phase."""
        return self._file_of(journal, TRACE)

    def save(self, journal: Journal, network: nn.Module, meter: EnergyMeter, earlier: Path | None = None) -> None:
        """Keep a finished phase; the journal after the files that it tells of, and those of older ones last.

        A network that can't be pickled leaves the checkpoint as it was.
        """
        partial = self.folder / f"{NETWORK}.partial"
        try:
            torch.save(network, partial)
        except (pickle.PicklingError, AttributeError, TypeError, RuntimeError):
            partial.unlink(missing_ok=True)
            return
        partial.replace(self._file_of(journal, NETWORK))
        meter.write_trace(self.trace(journal), earlier=earlier)
        self._write(JOURNAL, journal)
        kept = {self._file_of(journal, NETWORK), self.trace(journal), earlier}
        for name in (NETWORK, TRACE):
            for path in set(self.folder.glob(f"*-{name}")) - kept:
                path.unlink(missing_ok=True)

    def _file_of(self, journal: Journal, name: str) -> Path:
        return self.folder / f"{len(journal.phases)}-{name}"

    def spend(self, spent: Spent) -> None:
        """Note what has been spent, so that the next attempt can tell what this one lost."""
        self._write(SPENT, spent)

    def spend_is_due(self) -> bool:
        """Whether the last note is older than SPENT_EVERY_S; the one that asks then writes it."""
        now_s = time.monotonic()
        if now_s - self._spent_s < SPENT_EVERY_S:
            return False
        self._spent_s = now_s
        return True

    @contextmanager
    def unless_in_vain(self) -> Iterator[None]:
        """Leave nothing where the body fails for a reason of its own before any phase was finished."""
        try:
            yield
        except MeasurementError:
            if not (self.folder / JOURNAL).exists():
                self.clear()
            raise

    def clear(self) -> None:
        """The run has its record: nothing is to be resumed."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, name: str, kind: type[Document]) -> Document | None:
        try:
            return kind.model_validate_json((self.folder / name).read_bytes())
        except (OSError, ValidationError):
            return None

    def _write(self, name: str, document: BaseModel) -> None:
        partial = self.folder / f"{name}.partial"
        partial.write_text(document.model_dump_json(), "utf-8")
        partial.replace(self.folder / name)


class Journey:
    """One attempt on its way: keeps each finished phase, and notes what is being spent.

    `steps` is set once they are known: they tell what has been spent.
    """

    steps: Steps

    def __init__(self, checkpoint: Checkpoint, meter: EnergyMeter, started_at: datetime, earlier: Earlier) -> None:
        self.checkpoint, self.earlier = checkpoint, earlier
        self._meter, self._started_at = meter, started_at
        # It stays where it is: this attempt's own are named by a later phase.
        self.earlier_trace = checkpoint.trace(earlier.journal) if earlier.journal is not None else None

    def note_spent(self, window: Window | None) -> None:
        """Now and then, for the next attempt to know what was lost should this one die."""
        if self.checkpoint.spend_is_due():
            self.checkpoint.spend(self._spent(window))

    def keep(self, phases: Sequence[PhaseRecord], workbench: Workbench, *, left_out: bool) -> None:
        """Keep the state after the last of `phases`."""
        spent = self._spent()
        journal = Journal(
            origin=self.checkpoint.origin,
            phases=tuple(phases),
            kept=spent,
            architecture=workbench.architecture,
            resolution=workbench.train.resolution,
            left_out=left_out,
            wall_at_zero=self._meter.clock.wall_at_zero,
            clock_s=self._meter.clock.monotonic_s(),
            idle_power_w=dict(self._meter.idle_power_w),
        )
        self.checkpoint.save(journal, workbench.model, self._meter, self.earlier_trace)
        self.checkpoint.spend(spent)

    def _spent(self, window: Window | None = None) -> Spent:
        energies = []
        for scope in Scope:
            energy_j = self.steps.spent_j(scope, window)
            sources = self._meter.sources(scope) if energy_j is not None else ()
            provenance = provenance_of(sources)
            energies.append(Energy(scope=scope, provenance=provenance, sources=sources, energy_j=energy_j))
        spent_s = self.steps.spending(window).time_s
        return Spent(started_at=self._started_at, time_s=spent_s, energies=tuple(energies))


def _beyond(spent: Spent, kept: Spent | None) -> LostAttempt:
    """What an attempt spent after its last finished phase, or since it began where it has finished none."""
    before = {energy.scope: energy.energy_j for energy in kept.energies} if kept is not None else {}
    energies = tuple(
        energy
        if energy.energy_j is None
        else energy.model_copy(update={"energy_j": max(0.0, energy.energy_j - (before.get(energy.scope) or 0.0))})
        for energy in spent.energies
    )
    time_s = spent.time_s - (kept.time_s if kept is not None else 0.0)
    return LostAttempt(started_at=spent.started_at, time_s=max(0.0, time_s), energies=energies)
