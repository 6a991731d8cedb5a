"""The record: what one run of a recipe produced, as versioned JSON (`record.json`).

A record is self-contained: recipe, environment, quality, and each phase's energy in both scopes with provenance and
uncertainty. `trace.parquet` in the same folder holds the power readings from which its joules can be recomputed.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from measurement.documents import DocumentError, faults_of
from measurement.recipe import Recipe
from measurement.vocabulary import Flag, Mode, Phase, Provenance, Scenario, Scope, Source

COUNTED_SOURCES = frozenset({Source.NVML_COUNTER, Source.NVML_POWER, Source.RAPL, Source.REPLAY})

NonNegative = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Energy(_Part):
    """Joules of one phase in one scope. `energy_j` is None if and only if provenance is `missing`.

    `repeatability_u95_j` (for ranking on one card) and `absolute_u95_j` (with the card's gain error) are expanded
    uncertainties at 95 % coverage. For inference, the figures per image are what is ranked and charged.
    """

    scope: Scope
    provenance: Provenance
    sources: tuple[Source, ...] = ()
    energy_j: NonNegative | None
    repeatability_u95_j: NonNegative | None = None
    absolute_u95_j: NonNegative | None = None
    net_of_idle_j: float | None = None
    energy_per_image_j: NonNegative | None = None
    energy_per_image_u95_j: NonNegative | None = None
    energy_per_image_absolute_u95_j: NonNegative | None = None

    @model_validator(mode="after")
    def _provenance_is_honest(self) -> Self:
        if (self.energy_j is None) != (self.provenance == Provenance.MISSING):
            raise ValueError("energy_j is null if and only if provenance is missing: missing is never zero")
        counted = bool(self.sources) and set(self.sources) <= COUNTED_SOURCES
        if self.provenance in (Provenance.METERED, Provenance.EXTRAPOLATED) and not counted:
            raise ValueError(
                f"{self.provenance} needs a counter or a power sensor for everything it covers, not an estimate"
            )
        return self


class BatchProbe(_Part):
    """A candidate batch size of the scenario `offline`: its median throughput over the passes before the window."""

    batch_size: int = Field(gt=0)
    throughput_images_per_s: float = Field(gt=0)


class InferenceFigures(_Part):
    """The results of one inference window. Latencies in milliseconds per batch.

    `probes`: the measurements by which the batch of the scenario `offline` was chosen; empty if it is 1 by
    definition. `peak_memory_bytes`: weights and buffers, one batch, and what the forward pass adds at its peak; None
    if it could not be known, as in records of earlier versions.
    """

    images: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    blocks: int = Field(gt=0)
    throughput_images_per_s: float = Field(gt=0)
    latency_p50_ms: NonNegative
    latency_p90_ms: NonNegative
    latency_p99_ms: NonNegative
    probes: tuple[BatchProbe, ...] = ()
    peak_memory_bytes: int | None = Field(None, gt=0)


class PhaseRecord(_Part):
    """One phase of the recipe, or one scenario of inference, or the evaluation (metered, never charged).

    `started_s` and `ended_s` are seconds on the trace's own clock; None if the worker did not run the phase.
    """

    position: int = Field(ge=0)
    phase: Phase
    technique: str
    scenario: Scenario | None = None
    started_s: float | None = None
    ended_s: float | None = None
    duration_s: NonNegative | None = None
    energies: tuple[Energy, ...] = Field(min_length=2, max_length=2)
    inference: InferenceFigures | None = None
    evidence: str | None = None
    flags: tuple[Flag, ...] = ()
    detail: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if {energy.scope for energy in self.energies} != set(Scope):
            raise ValueError("energies must hold each scope once")
        if (self.phase == Phase.INFERENCE) != (self.scenario is not None):
            raise ValueError("scenario is required for inference, and not allowed elsewhere")
        if self.phase == Phase.INFERENCE and (
            self.inference is None
            or any((energy.energy_per_image_j is None) != (energy.energy_j is None) for energy in self.energies)
        ):
            raise ValueError("inference needs its figures, and an energy per image in every scope that has an energy")
        return self

    def energy(self, scope: Scope | str) -> Energy:
        """The joules in `scope`."""
        return next(energy for energy in self.energies if energy.scope == scope)


class HiddenQuality(_Part):
    """The same metric, 0..1, on the track's unpublished split of so many images."""

    value: float = Field(ge=0, le=1)
    images: int = Field(gt=0)


class Quality(_Part):
    """The track's metric on its test split, 0..1: `evaluated` by the worker or `reported` by the submitter.

    finished_weights_sha256: the weights that a sampled run evaluated, since it does not finish training. hidden: on
    the second test split of tracks that have one, None if there is none or the network was not evaluated.
    """

    metric: str
    value: float = Field(ge=0, le=1)
    provenance: Literal["evaluated", "reported"]
    images: int | None = Field(None, gt=0)
    evidence: str | None = None
    finished_weights_sha256: str | None = None
    hidden: HiddenQuality | None = None

    @model_validator(mode="after")
    def _hidden_was_evaluated(self) -> Self:
        if self.hidden is not None and self.provenance != "evaluated":
            raise ValueError("hidden: only a network that was evaluated has a quality on the hidden split")
        return self


class ModelFacts(_Part):
    """The finished network. `macs` are multiply-accumulates for one image at the recipe's resolution."""

    architecture: str
    resolution: int
    parameters: int = Field(gt=0)
    macs: int | None = Field(None, gt=0)
    weights_sha256: str | None = None


class Hardware(_Part):
    """What the run used, as its driver names it."""

    name: str = Field(min_length=1, max_length=200)
    kind: Literal["cpu", "cuda"]
    uuid: str | None = None
    driver: str | None = None
    power_limit_w: float | None = None
    cores: int | None = None
    memory_bytes: int | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class LostAttempt(_Part):
    """What an attempt that ended without a result had spent. Never charged to the model.

    `time_s`: seconds, at most a few less than it lasted. Joules are of all that was running then.
    """

    started_at: datetime
    time_s: NonNegative
    energies: tuple[Energy, ...] = Field(min_length=2, max_length=2)


class Record(_Part):
    """Record version 1. `data`: the track's own images, or noise in their shape if the worker does not have them.

    `data_notes`: files of the data set that are not read, and images that are not used.
    """

    record_version: Literal[1] = 1
    recipe: Recipe
    recipe_sha256: str
    track_protocol_version: int
    mode: Mode
    data: Literal["track", "synthetic"] = "track"
    data_notes: tuple[str, ...] = ()
    hardware: Hardware
    software: dict[str, str]
    started_at: datetime
    ended_at: datetime
    quality: Quality
    model: ModelFacts
    idle_power_w: dict[Scope, NonNegative | None]
    phases: tuple[PhaseRecord, ...] = Field(min_length=1)
    trace_sha256: str | None = None
    lost: tuple[LostAttempt, ...] = ()

    @model_validator(mode="after")
    def _matches_its_recipe(self) -> Self:
        if self.recipe_sha256 != self.recipe.sha256:
            raise ValueError("recipe_sha256 is not the hash of the recipe in this record")
        if [phase.position for phase in self.phases] != list(range(len(self.phases))):
            raise ValueError("phases must be numbered 0, 1, 2 … in order")
        declared = [(spec.phase, spec.technique) for spec in self.recipe.phases]
        one_time = [
            (str(phase.phase), phase.technique)
            for phase in self.phases
            if phase.phase not in (Phase.INFERENCE, Phase.EVALUATE)
        ]
        if one_time != declared:
            raise ValueError(f"phases are {one_time}, the recipe declares {declared}")
        scenarios = [str(phase.scenario) for phase in self.phases if phase.scenario is not None]
        if sorted(scenarios) != sorted(self.recipe.inference.scenarios):
            raise ValueError("the inference phases are not the recipe's scenarios")
        if self.mode == "full" and (
            self.data != "track" or self.quality.provenance != "evaluated" or self.quality.finished_weights_sha256
        ):
            raise ValueError("a full run uses the track's data and evaluates its own network")
        if self.mode == "full" and any(
            energy.provenance == Provenance.EXTRAPOLATED for phase in self.phases for energy in phase.energies
        ):
            raise ValueError("a full run extrapolates nothing")
        return self

    @property
    def brought_weights(self) -> tuple[str, ...]:
        """SHA-256 of the weights that the submitter brought and the quality depends on, sorted."""
        finished = self.quality.finished_weights_sha256
        return tuple(sorted({*self.recipe.brought_weights, *([finished] if finished else [])}))

    @property
    def flags(self) -> frozenset[Flag]:
        """Every flag of any phase."""
        return frozenset(flag for phase in self.phases for flag in phase.flags)


def parse_record(text: str | bytes) -> Record:
    """A record from JSON. Raises DocumentError with one fault per field."""
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        raise DocumentError(faults_of(error)) from None


def write_record(record: Record, path: Path) -> None:
    """Write `record` as indented JSON; a reader sees the whole file or none."""
    partial = path.with_suffix(".partial")
    partial.write_text(record.model_dump_json(indent=2) + "\n", "utf-8")
    partial.replace(path)
