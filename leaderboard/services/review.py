"""Which results an administrator reviews before they are published."""

from __future__ import annotations

from django.conf import settings
from django.db.models import F

from leaderboard.domain.runstate import RunState
from leaderboard.models import Entry, PhaseEnergy, Run
from measurement.record import PhaseRecord, Record
from measurement.tracks import find_track
from measurement.vocabulary import DISTURBED_FLAGS, HOLDING_FLAGS, Flag, Phase, Provenance, Scope

REPORTED_TOO_LOW = "reported_energy_too_low"
SUBMITTERS_WEIGHTS = "submitters_weights"
FEWEST_IMAGES = 1000
"""The images that any search or pre-training processes at least, if the track does not say how many it has."""


def reasons_to_hold(run: Run, record: Record) -> list[str]:
    """The quality flags that hold a result for review, and for a recipe's first results the submitter's own figures.

    REPORTED_TOO_LOW: a reported energy is too low. SUBMITTERS_WEIGHTS: the quality is of the submitter's weights.
    Neither holds results of administrators, nor once such a result is on a board of this hardware.
    """
    reasons = {str(flag) for flag in record.flags & HOLDING_FLAGS}
    if settings.HOLD_BUSY_RESULTS:
        reasons |= _of_a_busy_machine(run, record)
    if not _is_by_staff(run):
        reasons |= _supplied_by_submitter(run, record)
    return sorted(reasons)


def _of_a_busy_machine(run: Run, record: Record) -> set[str]:
    """Other work on the machine changed a figure; or may have, and a result of a quiet machine would be replaced.

    The evaluation doesn't count: nothing of it is charged.
    """
    flags = {flag for phase in record.phases if phase.phase != Phase.EVALUATE for flag in phase.flags}
    reasons = {str(flag) for flag in flags & DISTURBED_FLAGS}
    if Flag.BUSY_MACHINE in flags and not reasons and _has_quiet_result(run):
        reasons.add(str(Flag.BUSY_MACHINE))
    return reasons


def _has_quiet_result(run: Run) -> bool:
    """Whether a published result of the same recipe, hardware and mode, or a full one, is of a quiet machine."""
    busy = {str(flag) for flag in (Flag.BUSY_MACHINE, *DISTURBED_FLAGS)}
    others = Run.objects.filter(
        recipe=run.recipe,
        hardware=run.hardware,
        mode__in={run.mode, "full"},
        state=RunState.SUCCEEDED,
        held_for=[],
        submission__withdrawn_at=None,
    ).exclude(pk=run.pk)
    phases = PhaseEnergy.objects.filter(attempt__run__in=others, attempt__number=F("attempt__run__attempt"))
    flags_of: dict[int, set[str]] = {}
    for run_id, flags in phases.exclude(phase=Phase.EVALUATE).values_list("attempt__run", "flags"):
        flags_of.setdefault(run_id, set()).update(flags)
    return any(not flags & busy for flags in flags_of.values())


def _supplied_by_submitter(run: Run, record: Record) -> set[str]:
    on_boards = Entry.objects.filter(recipe=run.recipe, board__hardware=run.hardware)
    reasons = set()
    if _reports_too_little(record) and not on_boards.exists():
        reasons.add(REPORTED_TOO_LOW)
    # A full result shows what the recipe trains; it does not vouch for the weights that a sampled run gets.
    if record.quality.finished_weights_sha256 and not on_boards.exclude(run__mode="full").exists():
        reasons.add(SUBMITTERS_WEIGHTS)
    return reasons


def _reports_too_little(record: Record) -> bool:
    """Whether a reported one-time energy is less than inference on each training image once.

    With the finished network, in the figure's scope and the cheapest scenario; training takes more.
    """
    track = find_track(record.recipe.track_key)
    images = track.train_images if track and track.train_images else FEWEST_IMAGES
    return any(
        energy.provenance == Provenance.REPORTED
        and energy.energy_j is not None
        and energy.energy_j < images * _least_per_image_j(record.phases, energy.scope)
        for phase in record.phases
        for energy in phase.energies
    )


def _least_per_image_j(phases: tuple[PhaseRecord, ...], scope: Scope) -> float:
    """0 if nothing was measured in this scope: then nothing is ranked in it either."""
    energies = (phase.energy(scope).energy_per_image_j for phase in phases if phase.phase == Phase.INFERENCE)
    return min((energy_j for energy_j in energies if energy_j is not None), default=0.0)


def _is_by_staff(run: Run) -> bool:
    submitter = run.submission.submitter if run.submission else None
    return submitter is not None and submitter.is_staff
