"""What a catalogue publishes: one result for a model, an image size and a board. Missing is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass

from catalogue.schedule import ScheduledPhase
from measurement.vocabulary import Phase, Provenance, Scenario, Scope


@dataclass(frozen=True)
class PublishedPhase:
    """A one-time phase: what it took on which hardware.

    `u95_j` is the part of the uncertainty that moves ranks, at 95 %. `absolute_low_j` to `absolute_high_j` is what
    the figure becomes at the ends of the factor that all figures of one hardware share: power share or gain. All are
    None if the phase is missing. `teacher_energy_j` is the part of `energy_j` that a teacher's forward passes took,
    None without a teacher.
    """

    phase: Phase
    provenance: Provenance
    hardware: str | None
    energy_j: float | None
    u95_j: float | None
    absolute_low_j: float | None
    absolute_high_j: float | None
    sources: tuple[str, ...]
    how: str
    teacher_energy_j: float | None = None


@dataclass(frozen=True)
class PublishedResult:
    """A model at an image size on a board: `model`, `resolution`, `hardware` and `scenario` identify it.

    `sources` are ids of sources.yaml, those of the phases, of inference and of the quality among them.
    """

    track: str
    model: str
    architecture: str
    title: str
    family: str
    resolution: int
    quality: float
    quality_metric: str
    parameters: int
    macs: int
    hardware: str
    scenario: Scenario
    scope: Scope
    batch: int
    precision: str
    throughput_img_s: float
    inference_energy_j: float
    inference_provenance: Provenance
    inference_u95_j: float
    inference_absolute_low_j: float
    inference_absolute_high_j: float
    inference_how: str
    inference_sources: tuple[str, ...]
    quality_source: str
    phases: tuple[PublishedPhase, ...]
    sources: tuple[str, ...]
    teacher: str | None
    schedule: tuple[ScheduledPhase, ...]
    notes: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether no phase is missing."""
        return all(phase.energy_j is not None for phase in self.phases)

    @property
    def one_time_energy_j(self) -> float | None:
        """All phases that are one-time, joules; None if one is missing."""
        known = [phase.energy_j for phase in self.phases if phase.energy_j is not None]
        return sum(known) if len(known) == len(self.phases) else None
