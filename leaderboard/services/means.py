"""The figures of an entry as the mean over the results of its work. Plain values; no database."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from leaderboard.domain.energy import ONE_TIME_PHASES, SHARED_PHASES, Provenance, weakest
from leaderboard.domain.repeats import NO_POOL, Pool, Repeats, width

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
UNCERTAINTIES = {"shared": "shared_u95_j", "own": "own_u95_j", "inference": "inference_u95_j"}
"""The quantities of an entry that have a spread, with the columns of their uncertainty; and each of its phases."""
MEASURED = frozenset({Provenance.METERED, Provenance.EXTRAPOLATED, Provenance.ESTIMATED})
"""Of what each run finds again. What is declared is the same in all of them, so it has no spread."""


def mean_figures(results: Sequence[Figures]) -> Figures:
    """The mean over results of one work, the newest first. What has no mean, such as the batch size, is the newest's.

    A mean of which a part is unknown is unknown. What all trust in is no more than what the least trusted deserves.
    Uncertainties are from these results alone, without those of other works. `repeats` is what `pooled` needs to
    find them with these: how far the results are apart, in each of UNCERTAINTIES and each phase.
    """
    lists = _alike([result["phases"] for result in results])
    repeats = _repeats(results, lists)
    figures = dict(results[0]) | {"results": len(results), "repeats": repeats}
    if len(results) > 1:
        batch_size = max(result["batch_size"] for result in results)
        figures |= {name: _mean([result[name] for result in results]) for name in AVERAGED}
        figures |= _peak_memory(results, batch_size)
        # Of what was not measured; `pooled` finds the others.
        figures |= {
            name: math.hypot(*(result[name] or 0.0 for result in results)) / len(results)
            for name in UNCERTAINTIES.values()
        }
        figures |= {
            "batch_size": batch_size,
            "provenance": _weakest(result["provenance"] for result in results),
            "inference_provenance": _weakest(result["inference_provenance"] for result in results),
            "complete": all(result["complete"] for result in results),
            "quality_provenance": max(result["quality_provenance"] for result in results),  # reported over evaluated
            "data": max(result["data"] for result in results),  # the track's over synthetic
            "phases": [_mean_phase(same) for same in zip(*lists, strict=True)],
        }
        # An earlier version's results have not all of them.
        figures |= {name: any(result[name] for result in results) for name in DOUBTS if name in figures}
    return figures | pooled(figures, {})


def pooled(figures: Figures, pools: dict[str, Pool]) -> Figures:
    """The uncertainties of an entry, given the pools of its board by name: of UNCERTAINTIES, and of phases.

    figures: its `repeats`, `phases` and uncertainties. What was not measured keeps what it has.
    """
    repeats = figures["repeats"]
    found = {column: figures[column] for column in UNCERTAINTIES.values()}
    for name, column in UNCERTAINTIES.items():
        if repeats[name] is not None:
            found[column] = width(Repeats.read(repeats[name]), pools.get(name, NO_POOL)).u95_j
    phases = []
    for phase, apart in zip(figures["phases"], repeats["phases"], strict=True):
        changed = phase
        if apart is not None:
            changed = phase | {"u95_j": width(Repeats.read(apart), pools.get(phase["phase"], NO_POOL)).u95_j}
        phases.append(changed)
    return found | {"phases": phases}


def _repeats(results: Sequence[Figures], lists: Sequence[Sequence[Figures]]) -> Figures:
    """How far results are apart, in each of UNCERTAINTIES and each phase: None for what was not measured in all."""

    def of(values: Sequence[float | None], within_u95_j: Sequence[float | None]) -> Figures | None:
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        found = asdict(Repeats.of(known, within_u95_j))
        return found | {"deviations": list(found["deviations"])}  # as it is read back

    def charged(*, shared: bool) -> list[float | None]:
        return [
            _measured_j([part for part in phases if (part["phase"] in SHARED_PHASES) == shared]) for phases in lists
        ]

    def within(name: str) -> list[float | None]:
        return [result[UNCERTAINTIES[name]] for result in results]

    is_measured = all(result["inference_provenance"] in MEASURED for result in results)
    return {
        "shared": of(charged(shared=True), within("shared")),
        "own": of(charged(shared=False), within("own")),
        "inference": of([result["inference_energy_j"] for result in results], within("inference"))
        if is_measured
        else None,
        "phases": [
            of([_measured_j([part]) for part in same], [part["u95_j"] for part in same])
            for same in zip(*lists, strict=True)
        ],
    }


def _measured_j(parts: Sequence[Figures]) -> float | None:
    """The joules of what was measured, None if nothing was."""
    measured = [part["energy_j"] for part in parts if part["provenance"] in MEASURED]
    return math.fsum(measured) if measured else None


def _alike(lists: Sequence[Sequence[Figures]]) -> Sequence[Sequence[Figures]]:
    """Where recipes name their phases in other orders or parts, these are added up by name."""
    if len({tuple(phase["phase"] for phase in phases) for phases in lists}) > 1:
        return [_by_name(phases) for phases in lists]
    return lists


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def _peak_memory(results: Sequence[Figures], batch_size: int) -> Figures:
    """The greatest known of the results with this batch. Nothing for figures from before it was stored."""
    name = "peak_memory_bytes"
    if name not in results[0]:
        return {}
    found = [result[name] for result in results if result["batch_size"] == batch_size and result[name] is not None]
    return {name: max(found, default=None)}


def _weakest(provenances: Any) -> str:
    return str(weakest(Provenance(provenance) for provenance in provenances))


def _mean_phase(same: Sequence[Figures]) -> Figures:
    """The mean of one phase; its uncertainty is found later, if it was measured."""
    return same[0] | {
        "energy_j": _mean([phase["energy_j"] for phase in same]),
        "u95_j": None,
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
