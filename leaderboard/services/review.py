"""Which results an administrator reviews before they are published."""

from __future__ import annotations

from django.db.models import F

from leaderboard.domain.runstate import RunState
from leaderboard.models import Attempt, Entry, Run
from measurement.recipe import parse_recipe
from measurement.record import PhaseRecord, Record
from measurement.tracks import find_track
from measurement.vocabulary import HOLDING_FLAGS, Phase, Provenance, Scope

REPORTED_TOO_LOW = "reported_energy_too_low"
SUBMITTERS_WEIGHTS = "submitters_weights"
FEWEST_IMAGES = 1000
"""The images that any search or pre-training processes at least, if the track does not say how many it has."""


def reasons_to_hold(run: Run, record: Record) -> list[str]:
    """The quality flags that hold a result for review, and for a work's first results the submitter's own figures.

    REPORTED_TOO_LOW: a reported energy is too low. SUBMITTERS_WEIGHTS: the quality depends on weights that the
    submitter brought. Neither holds results of administrators; nor the first once a result of the work is on a board
    of this hardware, the second once one of the work with the same weights has been let pass.
    """
    reasons = {str(flag) for flag in record.flags & HOLDING_FLAGS}
    if not _is_by_staff(run):
        reasons |= _supplied_by_submitter(run, record)
    return sorted(reasons)


def _supplied_by_submitter(run: Run, record: Record) -> set[str]:
    on_boards = Entry.objects.filter(work=run.recipe.work_id, board__hardware=run.hardware)
    reasons = set()
    if _reports_too_little(record) and not on_boards.exists():
        reasons.add(REPORTED_TOO_LOW)
    if set(record.brought_weights) - _accepted_weights(run):
        reasons.add(SUBMITTERS_WEIGHTS)
    return reasons


def _accepted_weights(run: Run) -> set[str]:
    """The weights that results of the same work used which an administrator has let pass, on any hardware."""
    accepted = Attempt.objects.filter(
        run__recipe__work=run.recipe.work_id,
        run__state=RunState.SUCCEEDED,
        run__held_for=[],
        number=F("run__attempt"),
        record__isnull=False,
    ).exclude(run=run)
    found: set[str] = set()
    for mode, document, finished in accepted.values_list(
        "run__mode", "run__recipe__document", "record__quality__finished_weights_sha256"
    ):
        found.update(parse_recipe(document).brought_weights, [finished] if mode == "sampled" and finished else [])
    return found


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
