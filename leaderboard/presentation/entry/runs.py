"""The runs of an entry's work: what each measured, how far apart they are, and what was lost."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from leaderboard.domain.counting import counted, is_limited
from leaderboard.domain.devices import identity
from leaderboard.domain.energy import EVALUATE, INFERENCE
from leaderboard.models import Attempt, Entry, PhaseEnergy, Run
from leaderboard.presentation.entry import repeats
from leaderboard.presentation.format import joules, seconds, share


def run_lines(runs: Iterable[Run], figures: Iterable[PhaseEnergy], entry: Entry) -> list[dict[str, Any]]:
    """Runs with their attempts, what each weighs in the mean and measured: quality, joules once and per image.

    figures: the runs' phases in one scope and scenario, with their attempts. entry: whose runs they are.
    """
    measured: dict[int, dict[int, list[PhaseEnergy]]] = {}
    for figure in figures:
        attempts = measured.setdefault(figure.attempt.run_id, {})
        attempts.setdefault(figure.attempt.number, []).append(figure)
    lines = []
    listed = list(runs)
    far = repeats.outlying(entry)
    counting = set(entry.repeats.get("runs", ())) or {
        run.pk for run in counted(listed) if not is_limited(run.recipe.document, entry.batch_size)
    }
    for run in listed:
        attempts = measured.get(run.pk, {})
        phases = attempts.get(run.attempt) or attempts.get(max(attempts, default=0), [])
        quality = _quality_of(run)
        lines.append(
            {
                "run": run,
                "is_shown": run.pk == entry.run_id,
                "counts": run.pk in counting,
                "weight": 1 / len(counting) if run.pk in counting else 0.0,
                "outlier": far.get(run.pk, {}),
                **_device_of(run),
                "is_withdrawn": run.submission is not None and run.submission.withdrawn_at is not None,
                "seed": run.recipe.document.get("seed", 0),
                "quality": quality.get("value"),
                "hidden_quality": (quality.get("hidden") or {}).get("value"),
                **_totals(phases),
            }
        )
    return lines


def _device_of(run: Run) -> dict[str, Any]:
    """The device in the record of the run's current attempt, empty if unknown, and its power limit."""
    found = (attempt for attempt in run.attempts.all() if attempt.number == run.attempt)
    hardware = next((attempt.hardware for attempt in found), None) or {}  # type: ignore[attr-defined]  # as the query names it
    return {"device": identity(hardware.get("uuid")), "power_limit_w": hardware.get("power_limit_w")}


def _quality_of(run: Run) -> dict[str, Any]:
    """The quality in the record of the run's current attempt; empty without one."""
    found = (attempt for attempt in run.attempts.all() if attempt.number == run.attempt)
    quality = next((attempt.quality for attempt in found), None)  # type: ignore[attr-defined]  # as the query names it
    return dict(quality or {})


def _totals(phases: list[PhaseEnergy]) -> dict[str, float | None]:
    """None if a phase is missing: a sum without it would look complete."""
    one_time = [phase.energy_j for phase in phases if phase.phase not in (INFERENCE, EVALUATE)]
    per_image = [phase.energy_per_image_j for phase in phases if phase.phase == INFERENCE]
    known = [energy_j for energy_j in one_time if energy_j is not None]
    return {
        "one_time_j": sum(known) if phases and len(known) == len(one_time) else None,
        "per_image_j": per_image[0] if per_image else None,
    }


def losses(record: dict[str, Any] | None, scope: str, attempts: Iterable[Attempt]) -> list[str]:
    """The energy of attempts that ended without a result, a sentence each. Never charged.

    The record has those whose checkpoint a later attempt resumed; the others are in `attempts` of the same run.
    """
    lost = (record or {}).get("lost", ())
    return [*_losses_in_record(lost, scope), *_losses_of_attempts(lost, attempts)]


def _losses_of_attempts(lost: Iterable[dict[str, Any]], attempts: Iterable[Attempt]) -> Iterator[str]:
    """Of attempts whose checkpoint no later attempt resumed: all that they are known to have spent."""
    recorded = [datetime.fromisoformat(attempt["started_at"]) for attempt in lost]
    for attempt in attempts:
        if attempt.spent_energy_j is None or attempt.ended_at is None or attempt.outcome == "succeeded":
            continue
        if not any(attempt.started_at <= started_at <= attempt.ended_at for started_at in recorded):
            yield (
                f"Attempt {attempt.number} of {attempt.started_at:%Y-%m-%d} ended without a result after spending "
                f"at least {joules(attempt.spent_energy_j)} ({attempt.spent_provenance}, accelerator) in "
                f"{seconds(attempt.spent_time_s)}. This is not charged to the model."
            )


def _losses_in_record(lost: Iterable[dict[str, Any]], scope: str) -> list[str]:
    sentences = []
    for attempt in lost:
        energy = next((part for part in attempt["energies"] if part["scope"] == scope), None)
        spent = "an unknown amount of energy"
        if energy is not None and energy["energy_j"] is not None:
            spent = f"{joules(energy['energy_j'])} ({energy['provenance']})"
        sentences.append(
            f"An attempt of {attempt['started_at'][:10]} ended without a result; {seconds(attempt['time_s'])} and "
            f"{spent} of its work could not be reused. This is not charged to the model."
        )
    return sentences


def spread(lines: list[dict[str, Any]], mode: str) -> list[str]:
    """How far apart the runs that count are, a sentence for each figure that at least two of them have."""
    sentences = []
    for name, what in (("one_time_j", "One-time energy"), ("per_image_j", "Energy per image")):
        values = [line[name] for line in lines if line["counts"] and line[name] is not None]
        mean_j = statistics.fmean(values) if values else 0.0
        if len(values) < 2 or mean_j <= 0:
            continue
        deviation = share(statistics.stdev(values) / mean_j)
        sentences.append(
            f"{what}: {joules(min(values))} to {joules(max(values))} over {len(values)} {mode} runs, "
            f"standard deviation {deviation} of the mean."
        )
    return sentences
