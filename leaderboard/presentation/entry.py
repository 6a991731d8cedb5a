"""The details of an entry: its phases, quality flags, runs with their spread, power over time and environment."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from leaderboard.domain.counting import counted, is_limited
from leaderboard.domain.energy import EVALUATE, INFERENCE
from leaderboard.models import Attempt, Entry, PhaseEnergy, Run
from leaderboard.presentation import repeats
from leaderboard.presentation.format import joules, relative, seconds, share, si, words

FLAGS = {
    "foreign_process": "Another process used the device during this phase, so the energy is not the model's alone.",
    "throttled": "The device lowered its clocks (heat or power cap), so speed and energy differ from normal.",
    "counter_disagrees": "The energy counter and the integrated power differ by more than 3 %.",
    "window_too_short": "The phase was short compared with the sensor's update period, so its uncertainty is large.",
    "input_starved": "The device waited for input, so part of the energy belongs to the input pipeline.",
    "mig": "The device was a MIG slice, which has no energy counter of its own.",
    "no_repeats": "In one run a single training has no spread, so that run's uncertainty covers the meter only.",
    "above_power_limit": "The energy per image is more than the device's power limit allows, so it may be wrong.",
    "busy_machine": (
        "Other work took more than 10 % of the machine's CPU time, so latency is higher and throughput lower than on "
        "a quiet one, and the energy may be higher. It replaces no result of a quiet machine."
    ),
    "overloaded_machine": (
        "Other work took more than half of the machine's CPU time, or the run was denied a quarter of what it asked "
        "for, so its times are not the model's, and its energy may not be. Run it again while the machine is quiet."
    ),
    "reference_drift": (
        "The same piece of work took over 25 % more or less CPU time after this phase than before it, so the machine "
        "itself had changed: its clock, or what its neighbours do. Run it again."
    ),
    "kernel_time": (
        "More than 10 % of the CPU time went to the system, most likely for memory: part of the energy is not the "
        "network's."
    ),
    "taken_down_by_an_administrator": "An administrator took the result off the board.",
    "reported_energy_too_low": (
        "The reported energy of a search or pre-training is less than the finished network needs to process each "
        "training image once, in a search once for each network that it must have compared; an administrator checks "
        "the evidence."
    ),
    "evidence_of_unknown_kind": (
        "The evidence of a reported energy is neither an arXiv identifier, a DOI nor a source of the catalogue; an "
        "administrator checks it."
    ),
    "reported_quality_too_high": (
        "The reported quality is well above the best that was evaluated or published on this track; an administrator "
        "checks the evidence."
    ),
    "submitters_weights": (
        "The quality depends on weights that the submitter brought, and no run here shows how they were trained; an "
        "administrator checks the evidence."
    ),
    "hidden_split_disagrees": (
        "The quality on the public test images is clearly above that on the track's unpublished ones: the network "
        "may know the test images."
    ),
}


def flag_meanings(flags: Iterable[str]) -> list[str]:
    """What each flag means, a sentence each."""
    return [FLAGS.get(flag, words(flag)) for flag in flags]


def phase_table(phases: Iterable[PhaseEnergy], record: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A line for each phase: technique (unless named like the phase), figures in both scopes, duration."""
    left_out_s = {phase.get("position"): _left_out_s(phase) for phase in (record or {}).get("phases", ())}
    lines: dict[int, dict[str, Any]] = {}
    for phase in phases:
        duration = _duration(phase.duration_s, left_out_s.get(phase.position, 0.0))
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
        line["scopes"][phase.scope] = _figure(phase)
    return [lines[position] for position in sorted(lines)]


def _left_out_s(phase: dict[str, Any]) -> float:
    """Seconds that the skipped steps of a sampled phase would have taken, from its record."""
    sampled = (phase.get("detail") or {}).get("sampled") or {}
    return float(sampled.get("left_out_s") or 0.0)


def _duration(run_s: float | None, left_out_s: float) -> str:
    """How long a phase ran; of a sampled phase, also how long the whole phase takes."""
    if run_s is None or not left_out_s:
        return seconds(run_s)
    return f"{seconds(run_s)} sampled of {seconds(run_s + left_out_s)}"


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


def flag_list(phases: Iterable[PhaseEnergy], held_for: list[str]) -> list[dict[str, str]]:
    """Every quality flag with its meaning and the phases that it applies to."""
    named: dict[str, set[str]] = {flag: set() for flag in held_for}
    for phase in phases:
        for flag in phase.flags:
            named.setdefault(flag, set()).add(phase.phase)
    return [
        {"flag": flag, "words": FLAGS.get(flag, words(flag)), "phases": ", ".join(sorted(where))}
        for flag, where in sorted(named.items())
    ]


def environment(record: dict[str, Any] | None) -> list[tuple[str, Any]]:
    """Hardware and software of the run as lines of (name, value), unknown ones left out."""
    if not record:
        return []
    hardware = record.get("hardware", {})
    lines = [
        ("Hardware", hardware.get("name")),
        ("Driver", hardware.get("driver")),
        ("Device", hardware.get("uuid")),
        ("Power limit", None if hardware.get("power_limit_w") is None else f"{hardware['power_limit_w']:g} W"),
        ("Cores", hardware.get("cores")),
        *((f"Setting {words(name)}", value) for name, value in (hardware.get("settings") or {}).items()),
        *(record.get("software") or {}).items(),
    ]
    return [(name, value) for name, value in lines if value is not None]


def quality_evidence(record: dict[str, Any] | None) -> str | None:
    """The address of the submitter's evidence for a quality, None if there is none."""
    link: str | None = ((record or {}).get("quality") or {}).get("evidence")
    return link


def power_marks(record: dict[str, Any] | None, scope: str) -> list[dict[str, Any]]:
    """Where each phase lies on the power trace's clock, in order, with its mean power in W (None: unknown).

    The joules of a sampled phase are those of all its steps, and so is the time that they are divided by.
    """
    marks = []
    for phase in (record or {}).get("phases", []):
        start_s, end_s = phase.get("started_s"), phase.get("ended_s")
        if start_s is None or end_s is None:
            continue
        energies_j = {energy["scope"]: energy["energy_j"] for energy in phase["energies"]}
        energy_j, run_s = energies_j.get(scope), phase.get("duration_s")
        mean_w = energy_j / (run_s + _left_out_s(phase)) if energy_j is not None and run_s else None
        scenario = f", {words(phase['scenario'])}" if phase.get("scenario") else ""
        marks.append(
            {
                "phase": phase["phase"],
                "name": phase["phase"] + scenario,
                "start_s": start_s,
                "end_s": end_s,
                "mean_w": mean_w,
            }
        )
    return sorted(marks, key=lambda mark: float(mark["start_s"]))


def power_table(marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same as text, timed from the start of the first phase; for readers who can't see the chart."""
    first_s = marks[0]["start_s"] if marks else 0.0
    return [
        {
            "phase": mark["phase"],
            "name": mark["name"],
            "start": seconds(mark["start_s"] - first_s),
            "duration": seconds(mark["end_s"] - mark["start_s"]),
            "mean": si(mark["mean_w"], "W"),
        }
        for mark in marks
    ]


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
    weights, far = repeats.weights(entry), repeats.outlying(entry)
    counting = set(weights) or {
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
                "weight": weights.get(run.pk, 1 / len(counting) if run.pk in counting else 0.0),
                "outlier": far.get(run.pk, {}),
                "is_withdrawn": run.submission is not None and run.submission.withdrawn_at is not None,
                "seed": run.recipe.document.get("seed", 0),
                "quality": quality.get("value"),
                "hidden_quality": (quality.get("hidden") or {}).get("value"),
                **_totals(phases),
            }
        )
    return lines


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
        if attempt.spent_energy_j is None or attempt.ended_at is None:
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
