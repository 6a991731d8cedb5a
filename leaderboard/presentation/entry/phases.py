"""The phases of an entry's life: measured by this site's workers, or published by others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leaderboard.domain.energy import INFERENCE
from leaderboard.models import PhaseEnergy
from leaderboard.presentation.format import joules, relative, seconds, words
from leaderboard.services.measurements import measured_address


def phase_table(phases: Iterable[PhaseEnergy], record: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A line for each phase: technique (unless named like the phase), figures in both scopes, duration."""
    skipped_s = {phase.get("position"): left_out_s(phase) for phase in (record or {}).get("phases", ())}
    lines: dict[int, dict[str, Any]] = {}
    for phase in phases:
        duration = _duration(phase.duration_s, skipped_s.get(phase.position, 0.0))
        line = lines.setdefault(
            phase.position,
            {
                "phase": phase.phase,
                "technique": "" if phase.technique == phase.phase else phase.technique,
                "duration": duration,
                "scopes": {},
            },
        )
        if phase.evidence:
            line["evidence"] = phase.evidence
            line["by_submitter"] = measured_address(phase.evidence) is not None
        line["scopes"][phase.scope] = _figure(phase)
    return [lines[position] for position in sorted(lines)]


def left_out_s(phase: dict[str, Any]) -> float:
    """Seconds that the skipped steps of a sampled phase would have taken, from its record."""
    sampled = (phase.get("detail") or {}).get("sampled") or {}
    return float(sampled.get("left_out_s") or 0.0)


def _duration(run_s: float | None, skipped_s: float) -> str:
    """How long a phase ran; of a sampled phase, also how long the whole phase takes."""
    if run_s is None or not skipped_s:
        return seconds(run_s)
    return f"{seconds(run_s)} sampled of {seconds(run_s + skipped_s)}"


def _figure(phase: PhaseEnergy) -> dict[str, Any]:
    per_image = phase.phase == INFERENCE
    energy_j = phase.energy_per_image_j if per_image else phase.energy_j
    u95_j = phase.energy_per_image_u95_j if per_image else phase.repeatability_u95_j
    return {
        "energy": joules(energy_j) + (" per image" if per_image else ""),
        "u95": relative(u95_j, energy_j) if energy_j else "",
        "provenance": phase.provenance,
        "sources": ", ".join(words(str(source)) for source in phase.sources),
    }


def quality_evidence(record: dict[str, Any] | None) -> str | None:
    """The address of the submitter's evidence for a quality, None if there is none."""
    link: str | None = ((record or {}).get("quality") or {}).get("evidence")
    return link


def published_phases(document: dict[str, Any]) -> list[dict[str, Any]]:
    """A published result's phases as lines, inference last; sources as numbers of its list, from 1."""
    numbers = {source["id"]: number for number, source in enumerate(document["sources"], start=1)}
    lines = [
        _published_phase(phase["phase"], phase, phase["energy_j"], phase["u95_j"]) for phase in document["phases"]
    ]
    inference = {
        "provenance": document["inference_provenance"],
        "hardware": document["hardware"],
        "how": document["inference_how"],
        "sources": document["inference_sources"],
    }
    lines.append(_published_phase(INFERENCE, inference, document["inference_energy_j"], document["inference_u95_j"]))
    lines[-1]["energy"] += " per image"
    for line in lines:
        line["sources"] = sorted(numbers[name] for name in line["sources"])
    return lines


def quality_source(document: dict[str, Any]) -> dict[str, Any]:
    """The source of a published quality."""
    found: dict[str, Any] = next(
        source for source in document["sources"] if source["id"] == document["quality_source"]
    )
    return found


def _published_phase(
    name: str, stored: dict[str, Any], energy_j: float | None, u95_j: float | None
) -> dict[str, Any]:
    return {
        "phase": name,
        "energy": joules(energy_j),
        "energy_known": energy_j is not None,
        "u95": relative(u95_j, energy_j) if energy_j else "",
        **{key: stored[key] for key in ("provenance", "hardware", "how", "sources")},
    }
