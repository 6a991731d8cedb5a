"""What a run keeps at the end of each phase, so that a worker's death does not pay for its training twice.

`checkpoint/` in the output folder holds the network, the records of the finished phases, the trace so far, and what
has been spent; network and trace are named by the number of phases that they come after. A run that resumes goes on
after the last finished phase, on the trace's own clock; what the lost attempt had spent beyond it is listed in the
record, separately from the phases, and counts towards the budget like everything that earlier attempts have spent.

The network is pickled, because the shape of pruned and searched ones is not known in advance: it is read only if this
package has written it.
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
from functools import reduce
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import BaseModel, ValidationError
from torch import nn

from measurement.errors import BadOption, MeasurementError
from measurement.meters import EnergyMeter, Window
from measurement.meters.base import SystemClock, provenance_of
from measurement.record import Energy, Hardware, LostAttempt, PhaseRecord
from measurement.run.budget import Spending
from measurement.run.output import TRACE
from measurement.run.record_parts import software_versions
from measurement.run.steps import Steps
from measurement.run.workbench import Workbench
from measurement.traces.trace import read_trace
from measurement.vocabulary import Mode, Scope

FOLDER, JOURNAL, NETWORK, SPENT, LOST = "checkpoint", "journal.json", "network.pt", "spent.json", "lost.json"
SPENT_EVERY_S = 0.5

Document = TypeVar("Document", bound=BaseModel)
Left = TypeVar("Left", "Journal", "Losses")


class Origin(BaseModel):
    """What must be the same for a run to go on: recipe, mode, device, and the versions of all software."""

    recipe_sha256: str
    mode: Mode
    hardware: str
    device_uuid: str | None
    software: dict[str, str]

    @classmethod
    def of(cls, recipe_sha256: str, mode: Mode, hardware: Hardware) -> Origin:
        name, uuid, software = hardware.name, hardware.uuid, software_versions()
        return cls(recipe_sha256=recipe_sha256, mode=mode, hardware=name, device_uuid=uuid, software=software)

    def is_same_run(self, other: Origin) -> bool:
        """Whether the other attempt was at this run, with any software."""
        return self == other.model_copy(update={"software": self.software})


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
    left_out: Spending
    wall_at_zero: datetime
    clock_s: float
    idle_power_w: dict[Scope, float | None]


class Losses(BaseModel):
    """The attempts lost so far, and what had been spent before the present one; None before the first."""

    origin: Origin
    attempts: tuple[LostAttempt, ...]
    spent: Spent | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier attempts at a run have left: where to resume, if anywhere, what each lost, what all spent."""

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
        """A clock that continues the trace's, or a new one."""
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
        """What earlier attempts at this run have left; of phases that can't be resumed from, only their cost."""
        journal, losses = self._of_this_run(JOURNAL, Journal), self._of_this_run(LOST, Losses)
        lost = losses.attempts if losses else ()
        before = journal.kept if journal and journal.kept else losses.spent if losses else None
        spent = self._read(SPENT, Spent) if journal or losses else None
        everything = spent or before
        if journal is not None and not self._can_resume(journal):
            journal = None  # so its finished phases are lost too
            lost = (*lost, reduce(_beyond, lost, _beyond(everything, None))) if everything else lost
        elif spent is not None:
            lost = (*lost, _beyond(spent, before))
        return Earlier(journal, lost, everything)

    def begin(self, earlier: Earlier) -> None:
        """Resume from `earlier`, or start again; other content of the folder is removed. Raises BadOption."""
        try:
            if earlier.journal is None:
                shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(LOST, Losses(origin=self.origin, attempts=earlier.lost, spent=earlier.spent))
            if earlier.journal is not None:
                self._write(JOURNAL, earlier.journal.model_copy(update={"kept": None}))
            (self.folder / SPENT).unlink(missing_ok=True)
        except OSError as error:
            raise BadOption(f"can't write {self.folder}: {error.strerror}", field="--out") from None

    def _of_this_run(self, name: str, kind: type[Left]) -> Left | None:
        """The document of this run; None if there is none or another run's."""
        left = self._read(name, kind)
        return left if left is not None and left.origin.is_same_run(self.origin) else None

    def _can_resume(self, journal: Journal) -> bool:
        """Whether the software is the same, and the network and the trace can be read."""
        try:
            self.network(journal)
            read_trace(self.trace(journal))
        except Exception:  # unpickling a damaged file may raise any exception
            return False
        return journal.origin == self.origin

    def network(self, journal: Journal) -> nn.Module:
        """The network after the last finished phase."""
        network: nn.Module = torch.load(self._file_of(journal, NETWORK), map_location="cpu", weights_only=False)
        return network

    def trace(self, journal: Journal) -> Path:
        """The trace up to the last finished phase."""
        return self._file_of(journal, TRACE)

    def save(self, journal: Journal, network: nn.Module, meter: EnergyMeter, earlier: Path | None = None) -> None:
        """Keep a finished phase: first its files, then the journal that names them; older files are removed last.

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
        """Note what has been spent, so that the next attempt knows what this one lost."""
        self._write(SPENT, spent)

    def spend_is_due(self) -> bool:
        """Whether the last note is older than SPENT_EVERY_S; the caller then writes one."""
        now_s = time.monotonic()
        if now_s - self._spent_s < SPENT_EVERY_S:
            return False
        self._spent_s = now_s
        return True

    @contextmanager
    def removed_on_early_failure(self) -> Iterator[None]:
        """Remove the checkpoint if the measurement fails before any phase was finished."""
        try:
            yield
        except MeasurementError:
            if not (self.folder / JOURNAL).exists():
                self.clear()
            raise

    def clear(self) -> None:
        """Remove the checkpoint: the run has its record, so nothing will be resumed."""
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


class Attempt:
    """The present attempt: keeps each finished phase, and notes what is being spent.

    `steps` is set once they are known: they count what has been spent.
    """

    steps: Steps

    def __init__(self, checkpoint: Checkpoint, meter: EnergyMeter, started_at: datetime, earlier: Earlier) -> None:
        self.checkpoint, self.earlier = checkpoint, earlier
        self._meter, self._started_at = meter, started_at
        # It is not overwritten: this attempt's own traces are named by a later phase.
        self.earlier_trace = checkpoint.trace(earlier.journal) if earlier.journal is not None else None

    def note_spent(self, window: Window | None) -> None:
        """Called now and then, so that the next attempt knows what was lost if this one dies."""
        if self.checkpoint.spend_is_due():
            self.checkpoint.spend(self._spent(window))

    def keep(self, phases: Sequence[PhaseRecord], workbench: Workbench) -> None:
        """Keep the state after the last of `phases`."""
        spent = self._spent()
        journal = Journal(
            origin=self.checkpoint.origin,
            phases=tuple(phases),
            kept=spent,
            architecture=workbench.architecture,
            resolution=workbench.train.resolution,
            left_out=self.steps.left_out,
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
        return Spent(started_at=self._started_at, time_s=self.steps.spending(window).time_s, energies=tuple(energies))


def _beyond(spent: Spent | LostAttempt, kept: Spent | LostAttempt | None) -> LostAttempt:
    """What an attempt spent after its last finished phase, or since it began if it has finished none."""
    before = {energy.scope: energy.energy_j for energy in kept.energies} if kept is not None else {}
    energies = tuple(
        energy
        if energy.energy_j is None
        else energy.model_copy(update={"energy_j": max(0.0, energy.energy_j - (before.get(energy.scope) or 0.0))})
        for energy in spent.energies
    )
    time_s = spent.time_s - (kept.time_s if kept is not None else 0.0)
    return LostAttempt(started_at=spent.started_at, time_s=max(0.0, time_s), energies=energies)
