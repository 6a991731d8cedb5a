"""Quality flags of an entry's phases, in words."""

from __future__ import annotations

from collections.abc import Iterable

from leaderboard.models import PhaseEnergy
from leaderboard.presentation.format import words

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
    "audit_drifted": (
        "A later audit disagrees with the results before it, beyond what chance explains; an administrator decides "
        "which of them count."
    ),
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


def flag_list(phases: Iterable[PhaseEnergy], held_for: list[str], results: int = 1) -> list[dict[str, str]]:
    """Every quality flag with its meaning and the phases it applies to. results: that the entry is the mean of."""
    named: dict[str, set[str]] = {flag: set() for flag in held_for}
    for phase in phases:
        for flag in phase.flags:
            named.setdefault(flag, set()).add(phase.phase)
    return [
        {"flag": flag, "words": FLAGS.get(flag, words(flag)), "phases": ", ".join(sorted(where))}
        for flag, where in sorted(named.items())
        if flag != "no_repeats" or results == 1  # several have a spread
    ]
