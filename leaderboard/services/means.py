"""The figures of an entry as the mean over the results of its work. Plain values; no database."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from leaderboard.domain.energy import ONE_TIME_PHASES, Provenance, weakest
from leaderboard.domain.students_t import student_t95

Figures = dict[str, Any]
"""The columns of an entry that a result gives, by name."""

AVERAGED = (
    "shared_energy_j",
    "own_energy_j",
    "inference_energy_j",
    "metered_shared_j",
    "metered_own_j",
    "quality",
    "hidden_quality",
    "latency_p50_ms",
    "throughput_images_per_s",
)
DOUBTS = ("submitters_weights", "busy_machine")
"""What holds for a mean if it holds for one of its results."""
UNCERTAINTIES = {
    "shared_u95_j": "shared_energy_j",
    "own_u95_j": "own_energy_j",
    "inference_u95_j": "inference_energy_j",
}


def mean_figures(results: Sequence[Figures]) -> Figures:
    """The mean over results of one work, the newest first. What has no mean, such as the batch size, is the newest's.

    A mean of which a part is unknown is unknown. What all trust in is no more than what the least trusted deserves.
    """
    newest = dict(results[0])
    if len(results) == 1:
        return newest | {"results": 1}
    means = {name: _mean([result[name] for result in results]) for name in AVERAGED}
    widths = {
        name: mean_u95([result[energy] for result in results], [result[name] for result in results])
        for name, energy in UNCERTAINTIES.items()
    }
    return (
        newest
        | means
        | widths
        | {
            "results": len(results),
            "batch_size": max(result["batch_size"] for result in results),
            "provenance": _weakest(result["provenance"] for result in results),
            "inference_provenance": _weakest(result["inference_provenance"] for result in results),
            "complete": all(result["complete"] for result in results),
            "quality_provenance": max(result["quality_provenance"] for result in results),  # reported over evaluated
            "data": max(result["data"] for result in results),  # the track's over synthetic
            "phases": _mean_phases([result["phases"] for result in results]),
        }
        # An earlier version's results have not all of them.
        | {name: any(result[name] for result in results) for name in DOUBTS if name in newest}
    )


def mean_u95(values: Sequence[float], within_u95: Sequence[float | None]) -> float:
    """Uncertainty of a mean at 95 % coverage: `t · s / √m`, and at least that of the single results, combined.

    s, the results' deviation, has their own repeatability in it already (GUM 4.2), so the two are not added up.
    """
    count = len(values)
    between = student_t95(count - 1) * statistics.stdev(values) / math.sqrt(count)
    within = math.hypot(*(u95 or 0.0 for u95 in within_u95)) / count
    return max(between, within)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def _weakest(provenances: Any) -> str:
    return str(weakest(Provenance(provenance) for provenance in provenances))


def _mean_phases(lists: Sequence[Sequence[Figures]]) -> list[Figures]:
    """Phase by phase; where recipes name their phases in other orders or parts, added up by name first."""
    if len({tuple(phase["phase"] for phase in phases) for phases in lists}) > 1:
        lists = [_by_name(phases) for phases in lists]
    return [_mean_phase(same) for same in zip(*lists, strict=True)]


def _mean_phase(same: Sequence[Figures]) -> Figures:
    energies_j = [phase["energy_j"] for phase in same]
    mean_j = _mean(energies_j)
    return same[0] | {
        "energy_j": mean_j,
        "u95_j": None if mean_j is None else mean_u95(energies_j, [phase["u95_j"] for phase in same]),
        "provenance": _weakest(phase["provenance"] for phase in same),
    }


def _by_name(phases: Sequence[Figures]) -> list[Figures]:
    return [
        _sum([phase for phase in phases if phase["phase"] == name])
        for name in ONE_TIME_PHASES
        if any(phase["phase"] == name for phase in phases)
    ]


def _sum(parts: Sequence[Figures]) -> Figures:
    energies_j = [part["energy_j"] for part in parts]
    widths_j = [part["u95_j"] for part in parts]
    is_known = None not in energies_j
    return parts[0] | {
        "energy_j": math.fsum(energies_j) if is_known else None,
        "u95_j": math.hypot(*widths_j) if is_known and None not in widths_j else None,
        "provenance": _weakest(part["provenance"] for part in parts),
    }
