"""Turns measurements into the parts of a record: plain values in, record types out; no torch at import."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from types import MappingProxyType
from typing import Any

from measurement.accounting import repeat_uncertainty
from measurement.errors import MeterFailure
from measurement.meters import PhaseMeasurement
from measurement.recipe import DeclaredPhase, PhaseSpec, PretrainedPhase
from measurement.record import Energy, Hardware, InferenceFigures, PhaseRecord, Quality
from measurement.run.sampling import StageSample, extrapolated, sample_details
from measurement.tracks import Track
from measurement.vocabulary import Flag, Phase, Provenance, Scenario, Scope

PACKAGES = (
    "torch",
    "torchvision",
    "pillow",
    "timm",
    "torch-pruning",
    "torchao",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxscript",
    "numpy",
    "scikit-learn",
    "nvidia-ml-py",
)


def metered(
    position: int, phase: Phase, technique: str, measured: PhaseMeasurement, detail: dict[str, Any] | None = None
) -> PhaseRecord:
    """A phase that the worker ran."""
    return PhaseRecord(
        position=position,
        phase=phase,
        technique=technique,
        started_s=measured.started_s,
        ended_s=measured.ended_s,
        duration_s=measured.duration_s,
        energies=tuple(measured.to_energy(scope) for scope in Scope),
        flags=tuple(sorted(measured.flags)),
        detail=(detail or {}) | _notes(measured),
    )


def sampled(
    position: int,
    spec: PhaseSpec,
    measured: PhaseMeasurement,
    *,
    stages: Sequence[StageSample],
    idle_power_w: Mapping[Scope, float | None],
    detail: dict[str, Any],
) -> PhaseRecord:
    """A phase of which the worker ran a sample of the steps; times and duration are those of the sample."""
    phase = metered(position, Phase(spec.phase), spec.technique, measured, detail)
    energies = tuple(extrapolated(measured, stages, scope, idle_power_w.get(scope)) for scope in Scope)
    return phase.model_copy(update={"energies": energies, "detail": phase.detail | sample_details(measured, stages)})


def inference(
    position: int,
    scenario: Scenario,
    measured: PhaseMeasurement,
    figures: InferenceFigures,
    target: float = 0.01,
    *,
    repeats: int = 0,
    detail: Mapping[str, Any] = MappingProxyType({}),
) -> PhaseRecord:
    """One scenario. Its `detail` says how well the mean energy per image is known, and whether that reached `target`.

    repeats: how many windows before this one the machine's other work disturbed. detail: more to keep.

    Raises MeterFailure if a scope has no joules: inference without a figure can't be ranked."""
    for scope in Scope:
        if measured.energies[scope].energy_j is None:
            why = "; ".join(measured.notes) or "an instrument gave no reading; run `python -m measurement doctor`"
            raise MeterFailure(f"no energy for inference {scenario} in scope {scope}: {why}")
    return PhaseRecord(
        position=position,
        phase=Phase.INFERENCE,
        technique="inference",
        scenario=scenario,
        started_s=measured.started_s,
        ended_s=measured.ended_s,
        duration_s=measured.duration_s,
        energies=tuple(measured.to_energy(scope, images=figures.images) for scope in Scope),
        inference=figures,
        flags=tuple(sorted(measured.flags)),
        detail=dict(detail)
        | _half_width(measured, target)
        | ({"repeats": repeats} if repeats else {})
        | _notes(measured),
    )


def preparation(measured: PhaseMeasurement) -> dict[str, Any]:
    """What it cost to make the network ready to be run: kept with inference, charged to nothing."""
    joules = {str(scope): measured.energies[scope].energy_j for scope in Scope}
    return {"preparation": {"duration_s": measured.duration_s, "energy_j": joules}}


def _half_width(measured: PhaseMeasurement, target: float) -> dict[str, Any]:
    """Half-width of the mean energy per image over the blocks (95 %), as a share of it; nothing without blocks."""
    costs = [
        energy_j / block.images
        for block in measured.blocks
        if block.repeat and block.images and (energy_j := block.energies_j[Scope.ACCELERATOR]) is not None
    ]
    spread = repeat_uncertainty(costs)
    if spread is None or not (mean := math.fsum(costs) / len(costs)) > 0:
        return {}
    share = spread.u95 / mean
    return {"half_width_share": round(share, 5), "half_width_reached": share < target}


def declared(position: int, spec: DeclaredPhase | PretrainedPhase, detail: dict[str, Any]) -> PhaseRecord:
    """A phase that was not metered here: reported in the submitter's scope, missing in the other."""
    return PhaseRecord(
        position=position,
        phase=Phase(spec.phase),
        technique=spec.technique,
        energies=tuple(
            Energy(scope=scope, provenance=Provenance.REPORTED, energy_j=spec.energy_j)
            if spec.energy_j is not None and scope == spec.scope
            else Energy(scope=scope, provenance=Provenance.MISSING, energy_j=None)
            for scope in Scope
        ),
        evidence=spec.evidence,
        detail=detail,
    )


def checked_against_power_limit(phase: PhaseRecord, hardware: Hardware) -> PhaseRecord:
    """Flag inference that would need more than the board's power limit at its throughput: it can't be right."""
    if phase.inference is None or hardware.power_limit_w is None:
        return phase
    most_j = hardware.power_limit_w / phase.inference.throughput_images_per_s
    found_j = phase.energy(Scope.ACCELERATOR).energy_per_image_j
    if found_j is None or found_j <= most_j:
        return phase
    return phase.model_copy(update={"flags": tuple(sorted({*phase.flags, Flag.ABOVE_POWER_LIMIT}))})


def checked_on_hidden_split(evaluation: PhaseRecord, quality: Quality, track: Track) -> PhaseRecord:
    """Flag a quality that is above that on the hidden split by more than its track allows and than chance gives.

    Chance: three standard errors of a difference of two shares, of the images that each was found on. Below the
    track's quality floor nothing is flagged: a network that has learnt little finds changed images harder by far.
    """
    split = track.hidden
    if split is None or quality.hidden is None or quality.images is None or quality.value < track.quality_floor:
        return evaluation
    counts = (quality.images, quality.hidden.images)
    pooled = (quality.value * counts[0] + quality.hidden.value * counts[1]) / sum(counts)
    standard_error = math.sqrt(pooled * (1 - pooled) * sum(1 / count for count in counts))
    if quality.value - quality.hidden.value <= max(split.largest_gap, 3 * standard_error):
        return evaluation
    flags = tuple(sorted({*evaluation.flags, Flag.HIDDEN_SPLIT_DISAGREES}))
    return evaluation.model_copy(update={"flags": flags})


def with_torch_settings(hardware: Hardware, allocator: str) -> Hardware:
    """Adds what figures depend on: torch's threads, on a GPU whether float32 may be TF32, and the allocator."""
    import torch

    settings: dict[str, Any] = {"torch_threads": torch.get_num_threads(), "allocator": allocator}
    if hardware.kind == "cuda":
        settings["tf32_matmul"] = torch.get_float32_matmul_precision() != "highest"
        settings["tf32_convolution"] = torch.backends.cudnn.allow_tf32
    return hardware.model_copy(update={"settings": hardware.settings | settings})


def software_versions() -> dict[str, str]:
    """Versions of all software that the figures may depend on."""
    import torch

    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for package in ("full-cycle-energy-leaderboard", *PACKAGES):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    if torch.version.cuda:
        versions["cuda"] = torch.version.cuda
    return versions


def _notes(measured: PhaseMeasurement) -> dict[str, Any]:
    notes: dict[str, Any] = {"conditions": dict(measured.conditions)} if measured.conditions else {}
    return notes | ({"meter_notes": list(measured.notes)} if measured.notes else {})
