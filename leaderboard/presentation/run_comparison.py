"""Two runs of one work: phase by phase, and where their machines and software differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leaderboard.domain.energy import INFERENCE
from leaderboard.domain.run_difference import Measured, in_uncertainties, relative_difference
from leaderboard.models import Attempt, PhaseEnergy
from leaderboard.presentation.entry.environment import environment
from leaderboard.presentation.format import SPACE, UNKNOWN, fixed, joules, relative, seconds, words

BEYOND = 1.0


def same_device(first: Attempt | None, second: Attempt | None) -> bool:
    """Whether both ran on one device: by what its driver calls it; without that, by the worker."""
    if first is None or second is None:
        return False
    ids = [((attempt.record or {}).get("hardware") or {}).get("uuid") for attempt in (first, second)]
    return ids[0] == ids[1] if all(ids) else not any(ids) and first.worker == second.worker


def phase_lines(
    first: Iterable[PhaseEnergy], second: Iterable[PhaseEnergy], *, one_device: bool
) -> list[dict[str, Any]]:
    """A line for each phase and scope that either has: both figures, and how far they are apart.

    On one device the repeatability says what chance explains; of two, each has a gain error of its own, which is in
    the absolute uncertainty. Of inference the joules are per image.
    """
    found: dict[tuple[int, str], list[PhaseEnergy | None]] = {}
    for at, phases in enumerate((first, second)):
        for phase in phases:
            found.setdefault((phase.position, phase.scope), [None, None])[at] = phase
    return [_line(*found[key], one_device=one_device) for key in sorted(found)]


def _line(first: PhaseEnergy | None, second: PhaseEnergy | None, *, one_device: bool) -> dict[str, Any]:
    either = first or second
    assert either is not None, "one of them made the line"  # noqa: S101
    figures = [_measured(phase, one_device=one_device) for phase in (first, second)]
    apart, difference = in_uncertainties(*figures), relative_difference(*figures)
    scenario = f", {words(either.scenario)}" if either.scenario else ""
    return {
        "phase": either.phase,
        "name": f"{either.phase}{scenario}",
        "scope": either.scope,
        "figures": [_figure(phase, figure) for phase, figure in zip((first, second), figures, strict=True)],
        "difference": UNKNOWN if difference is None else signed(100 * difference, f"{SPACE}%"),
        "apart": UNKNOWN if apart is None else signed(apart),
        "is_beyond": apart is not None and abs(apart) > BEYOND,
    }


def _measured(phase: PhaseEnergy | None, *, one_device: bool) -> Measured:
    if phase is None:
        return Measured(None, None)
    if phase.phase == INFERENCE:
        u95_j = phase.energy_per_image_u95_j if one_device else phase.energy_per_image_absolute_u95_j
        return Measured(phase.energy_per_image_j, u95_j)
    return Measured(phase.energy_j, phase.repeatability_u95_j if one_device else phase.absolute_u95_j)


def _figure(phase: PhaseEnergy | None, measured: Measured) -> dict[str, str]:
    return {
        "energy": joules(measured.value) + (" per image" if phase and phase.phase == INFERENCE else ""),
        "u95": relative(measured.u95, measured.value) if measured.value else "",
        "provenance": phase.provenance if phase else "",
        "duration": seconds(phase.duration_s) if phase else UNKNOWN,
    }


def signed(value: float, unit: str = "") -> str:
    """With its sign and at most two decimals: "+1.25", "−0.03"."""
    text = fixed(abs(value), 2 if abs(value) < 10 else 1)
    sign = "" if float(text) == 0 else "−" if value < 0 else "+"
    return f"{sign}{text}{unit}"


def environment_differences(
    first: dict[str, Any] | None, second: dict[str, Any] | None
) -> tuple[list[tuple[str, str, str]], int]:
    """Lines of (name, of the first, of the second) where the environments differ, and how many lines are equal."""
    of_first, of_second = dict(environment(first)), dict(environment(second))
    names = list(dict.fromkeys([*of_first, *of_second]))
    lines = [(name, of_first.get(name, UNKNOWN), of_second.get(name, UNKNOWN)) for name in names]
    differing = [line for line in lines if line[1] != line[2]]
    return differing, len(lines) - len(differing)
