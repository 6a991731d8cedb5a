"""Which results an administrator reviews before they are published."""

from __future__ import annotations

from django.conf import settings
from django.db.models import F, Max, Q, QuerySet

from leaderboard.domain.runstate import RunState
from leaderboard.models import Attempt, Entry, PhaseEnergy, Run
from leaderboard.services.evidence import is_of_known_kind
from measurement.recipe import parse_recipe
from measurement.recipe.parts import DeclaredEnergy
from measurement.recipe.techniques import DeclaredPhase
from measurement.record import PhaseRecord, Record
from measurement.tracks import find_track, quality_floor
from measurement.vocabulary import BUSY_FLAGS, DISTURBED_FLAGS, HOLDING_FLAGS, Flag, Phase, Provenance, Scope

REPORTED_TOO_LOW = "reported_energy_too_low"
UNKNOWN_EVIDENCE = "evidence_of_unknown_kind"
QUALITY_TOO_HIGH = "reported_quality_too_high"
SUBMITTERS_WEIGHTS = "submitters_weights"
_BUSY = {str(flag) for flag in BUSY_FLAGS}
FEWEST_IMAGES = 1000
"""The images that any search or pre-training processes at least, if the track does not say how many it has."""
FEWEST_CANDIDATES = 30
"""The networks that any search looks at: log2 of 10^9, about the smallest spaces that papers search in."""
QUALITY_MARGIN = 0.02
"""How far a reported quality may be above the best evaluated or published one of its track, as a fraction."""


def reasons_to_hold(run: Run, record: Record) -> list[str]:
    """The quality flags that hold a result for review, and for a work's first results the submitter's own figures.

    REPORTED_TOO_LOW: a reported energy is too low. UNKNOWN_EVIDENCE: its evidence is of no known kind.
    QUALITY_TOO_HIGH: a reported quality is better than any of its track. SUBMITTERS_WEIGHTS: the quality depends on
    weights that the submitter brought. None holds results of administrators; nor once such a result of the work is on
    a board of this hardware, or in the last case once one of the work with the same weights has been let pass.
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
    """Whether a published result of the same work, hardware and mode, or a full one, is of a quiet machine."""
    others = _published(run, {run.mode, "full"}).filter(submission__withdrawn_at=None)
    return any(not flags & _BUSY for flags in _flags_of(others).values())


def busy_results_replaced_by(run: Run) -> list[int]:
    """The published results of a busy machine that counted for want of a better one, until this first quiet one.

    They are held then: a person may release them, and no later quiet result holds them again.
    """
    if not settings.HOLD_BUSY_RESULTS or _has_quiet_result(run):
        return []
    if any(flags & _BUSY for flags in _flags_of(Run.objects.filter(pk=run.pk)).values()):
        return []
    return sorted(number for number, flags in _flags_of(_published(run, {run.mode})).items() if flags & _BUSY)


def _published(run: Run, modes: set[str]) -> QuerySet[Run]:
    """The other results of a run's work on its hardware that are not held."""
    return Run.objects.filter(
        recipe__work=run.recipe.work_id,
        hardware=run.hardware,
        mode__in=modes,
        state=RunState.SUCCEEDED,
        held_for=[],
    ).exclude(pk=run.pk)


def _flags_of(runs: QuerySet[Run]) -> dict[int, set[str]]:
    """The quality flags of each run's charged phases."""
    phases = PhaseEnergy.objects.filter(attempt__run__in=runs, attempt__number=F("attempt__run__attempt"))
    found: dict[int, set[str]] = {}
    for run_id, flags in phases.exclude(phase=Phase.EVALUATE).values_list("attempt__run", "flags"):
        found.setdefault(run_id, set()).update(flags)
    return found


def _supplied_by_submitter(run: Run, record: Record) -> set[str]:
    on_boards = Entry.objects.filter(work=run.recipe.work_id, board__hardware=run.hardware)
    reasons = set()
    if not on_boards.exists():
        reasons |= {REPORTED_TOO_LOW} if _reports_too_little(record) else set()
        reasons |= {UNKNOWN_EVIDENCE} if _lacks_evidence(record) else set()
    reported = on_boards.filter(quality_provenance="reported", quality__gte=record.quality.value)
    if _reports_too_much(record) and not reported.exists():
        reasons.add(QUALITY_TOO_HIGH)
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


def _lacks_evidence(record: Record) -> bool:
    """Whether a reported search or pre-training has evidence of no known kind."""
    return any(
        isinstance(spec, DeclaredEnergy) and spec.energy_j is not None and not is_of_known_kind(spec.evidence or "")
        for spec in record.recipe.phases
    )


def _reports_too_much(record: Record) -> bool:
    """Whether a reported quality is above the best one that others evaluated or published, by more than the margin.

    On a track without such a quality it is compared with the track's floor.
    """
    if record.quality.provenance != "reported":
        return False
    track = record.recipe.track_key
    known = Q(source="published") | Q(quality_provenance="evaluated", submitters_weights=False)
    best = Entry.objects.filter(known, board__track=track).aggregate(best=Max("quality"))["best"] or 0.0
    return record.quality.value > max(best, quality_floor(track)) + QUALITY_MARGIN


def _reports_too_little(record: Record) -> bool:
    """Whether a reported one-time energy is less than inference on each training image once.

    For a search: once by each network that it must have compared. With the finished network, in the figure's scope
    and the cheapest scenario; training takes more.
    """
    track = find_track(record.recipe.track_key)
    images = track.train_images if track and track.train_images else FEWEST_IMAGES
    return any(
        energy.provenance == Provenance.REPORTED
        and energy.energy_j is not None
        and energy.energy_j < _networks(phase, record) * images * _least_per_image_j(record.phases, energy.scope)
        for phase in record.phases
        for energy in phase.energies
    )


def _networks(phase: PhaseRecord, record: Record) -> int:
    """How many networks a phase must have compared: a search that chooses one of S at least log2(S) of them."""
    if phase.phase != Phase.SEARCH:
        return 1
    spaces = [spec.space for spec in record.recipe.phases if isinstance(spec, DeclaredPhase) and spec.space]
    return max(FEWEST_CANDIDATES, *((space - 1).bit_length() for space in spaces), 0)


def _least_per_image_j(phases: tuple[PhaseRecord, ...], scope: Scope) -> float:
    """0 if nothing was measured in this scope: then nothing is ranked in it either."""
    energies = (phase.energy(scope).energy_per_image_j for phase in phases if phase.phase == Phase.INFERENCE)
    return min((energy_j for energy_j in energies if energy_j is not None), default=0.0)


def _is_by_staff(run: Run) -> bool:
    submitter = run.submission.submitter if run.submission else None
    return submitter is not None and submitter.is_staff
