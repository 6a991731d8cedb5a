"""Recipes and records as a worker would write them, with the figures that a test asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from measurement.recipe import Recipe, parse_recipe
from measurement.record import (
    Energy,
    Hardware,
    InferenceFigures,
    ModelFacts,
    PhaseRecord,
    Quality,
    Record,
)
from measurement.vocabulary import Flag, Phase, Provenance, Scenario, Scope, Source

CPU = "AMD EPYC test (2 cores)"


def make_recipe(title: str = "Plain training", epochs: int = 1, **changes: Any) -> Recipe:
    """A valid recipe for the digits, of the family that its phases make; `changes` replace its top-level fields.

    Other epochs make another work, another seed does not.
    """
    document: dict[str, Any] = {
        "schema_version": 1,
        "method": {"title": title, "family": "compact"},
        "track": "digits",
        "model": {"architecture": "mobilenetv3_small_050", "resolution": 32},
        "phases": [{"phase": "train", "technique": "supervised", "epochs": epochs}],
    }
    recipe = parse_recipe(document | changes)
    if "method" in changes or recipe.why_not_family() is None:
        return recipe
    return parse_recipe(document | changes | {"method": {"title": title, "family": next(iter(recipe.families))}})


def make_record(
    recipe: Recipe,
    *,
    hardware: str = CPU,
    one_time_j: float = 100.0,
    per_image_j: float = 0.01,
    quality: float = 0.97,
    source: Source = Source.CPU_ESTIMATE,
    flags: tuple[Flag, ...] = (),
    peak_memory_bytes: int | None = 7_000_000,
) -> Record:
    """A record of `recipe`: `one_time_j` joules in each phase that the worker ran, `per_image_j` per inference."""
    phases = []
    for spec in recipe.phases:
        if spec.technique in ("declared", "pretrained"):
            energies = tuple(_declared(spec.energy_j, spec.scope, scope) for scope in Scope)
            phases.append({"phase": Phase(spec.phase), "technique": spec.technique, "energies": energies})
        else:
            phases.append(_metered(Phase(spec.phase), spec.technique, one_time_j, source))
    phases.append(_metered(Phase.EVALUATE, "evaluate", 1.0, source))
    for scenario in recipe.inference.scenarios:
        window = InferenceFigures(
            images=1000,
            batch_size=1 if scenario == "single_stream" else 64,
            blocks=5,
            throughput_images_per_s=200.0,
            latency_p50_ms=5.0,
            latency_p90_ms=6.0,
            latency_p99_ms=7.0,
            peak_memory_bytes=peak_memory_bytes,
        )
        phases.append(
            _metered(Phase.INFERENCE, "inference", per_image_j * 1000, source, per_image_j=per_image_j)
            | {"scenario": Scenario(scenario), "inference": window, "flags": flags}
        )
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Record(
        recipe=recipe,
        recipe_sha256=recipe.sha256,
        track_protocol_version=1,
        mode="full",
        hardware=Hardware(name=hardware, kind="cpu", cores=2),
        software={"torch": "2.0"},
        started_at=now,
        ended_at=now,
        quality=Quality(metric="top1", value=quality, provenance="evaluated", images=360),
        model=ModelFacts(architecture=recipe.model.architecture, resolution=32, parameters=1000, macs=10**6),
        idle_power_w={Scope.ACCELERATOR: 1.0, Scope.SYSTEM: 2.0},
        phases=tuple(PhaseRecord(position=position, **phase) for position, phase in enumerate(phases)),
    )


def _metered(
    phase: Phase, technique: str, energy_j: float, source: Source, per_image_j: float | None = None
) -> dict[str, Any]:
    provenance = Provenance.ESTIMATED if source == Source.CPU_ESTIMATE else Provenance.METERED
    return {
        "phase": phase,
        "technique": technique,
        "duration_s": 5.0,
        "started_s": 0.0,
        "ended_s": 5.0,
        "energies": tuple(
            Energy(
                scope=scope,
                provenance=provenance,
                sources=(source,),
                energy_j=energy_j,
                repeatability_u95_j=energy_j / 100,
                energy_per_image_j=per_image_j,
                energy_per_image_u95_j=per_image_j / 100 if per_image_j else None,
            )
            for scope in Scope
        ),
    }


def _declared(energy_j: float | None, declared_scope: str, scope: Scope) -> Energy:
    if energy_j is None or declared_scope != scope:
        return Energy(scope=scope, provenance=Provenance.MISSING, energy_j=None)
    return Energy(scope=scope, provenance=Provenance.REPORTED, energy_j=energy_j)
