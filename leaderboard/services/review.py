"""Which results a person looks at before they are published."""

from __future__ import annotations

from leaderboard.models import Entry, Run
from measurement.record import PhaseRecord, Record
from measurement.tracks import find_track
from measurement.vocabulary import HOLDING_FLAGS, Phase, Provenance, Scope

REPORTED_TOO_LOW = "reported_energy_too_low"
SUBMITTERS_WEIGHTS = "submitters_weights"
FEWEST_IMAGES = 1000
"""Looked at once by any search or pre-training, where the track does not say how many images it trains on."""


def reasons_to_hold(run: Run, record: Record) -> list[str]:
    """Its quality flags that hold a result back; and in a recipe's first results what its submitter brought.

    That is REPORTED_TOO_LOW for figures that nobody metered, and SUBMITTERS_WEIGHTS for a quality that nobody saw the
    recipe reach. Neither holds those of administrators, nor once such a result is on a board of this hardware.
    """
    reasons = {str(flag) for flag in record.flags & HOLDING_FLAGS}
    if not _is_by_staff(run):
        reasons |= _brought_along(run, record)
    return sorted(reasons)


def _brought_along(run: Run, record: Record) -> set[str]:
    on_boards = Entry.objects.filter(recipe=run.recipe, board__hardware=run.hardware)
    reasons = set()
    if _reports_too_little(record) and not on_boards.exists():
        reasons.add(REPORTED_TOO_LOW)
    # A full result shows what the recipe trains, and so says nothing of the weights that a sample is given.
    if record.quality.finished_weights_sha256 and not on_boards.exclude(run__mode="full").exists():
        reasons.add(SUBMITTERS_WEIGHTS)
    return reasons


def _reports_too_little(record: Record) -> bool:
    """Whether a reported one-time figure is below what the finished network spends on the training images.

    Joules of one look at each, in the figure's scope and the cheapest scenario; learning from them takes more.
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
    """0 where nothing was measured in this scope: then nothing is ranked in it either."""
    energies = (phase.energy(scope).energy_per_image_j for phase in phases if phase.phase == Phase.INFERENCE)
    return min((energy_j for energy_j in energies if energy_j is not None), default=0.0)


def _is_by_staff(run: Run) -> bool:
    submitter = run.submission.submitter if run.submission else None
    return submitter is not None and submitter.is_staff
