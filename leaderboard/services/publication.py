"""From a stored result to entries. A board's revision is raised with every change of its entries."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce, Now

from leaderboard.database import clock
from leaderboard.domain.counting import counted, is_limited
from leaderboard.domain.energy import SHARED_PHASES, LifeCycle, PhaseEnergy, Provenance
from leaderboard.domain.runstate import RunState
from leaderboard.models import (
    Action,
    Attempt,
    Board,
    Entry,
    Hardware,
    Method,
    PublishedResult,
    Run,
    Submission,
    Work,
)
from leaderboard.services.log import given_reason, optional_reason, write_log
from leaderboard.services.means import Figures, mean_figures
from leaderboard.services.published_models import replace_published
from leaderboard.services.refusal import Refused
from measurement.documents import DocumentError
from measurement.record import Energy, PhaseRecord, Record, parse_record
from measurement.vocabulary import Phase, Scope

CHARGED_ONCE = frozenset(Phase) - {Phase.INFERENCE, Phase.EVALUATE}
TAKEN_DOWN = "taken_down_by_an_administrator"
FULL_FIRST = Case(When(mode="full", then=0), default=1)

log = structlog.get_logger()


@transaction.atomic
def publish(run: Run) -> list[Entry]:
    """Bring the entries of a run's work on its hardware up to date. Returns those whose figures it takes part in."""
    entries = refresh_entries(run.recipe.work_id, run.hardware)
    taken = {result.pk for result in counted_results(run.recipe.work_id, run.hardware_id)}
    return entries if run.pk in taken else []


@transaction.atomic
def refresh_entries(work_id: int, hardware: Hardware) -> list[Entry]:
    """Give a work's entries on a hardware the mean of its results; remove those that no result is left for."""
    lock_works([work_id])
    results = [(run, record) for run in counted_results(work_id, hardware.pk) if (record := _record_of(run))]
    lines: dict[tuple[str, str, str], list[tuple[Run, Figures]]] = {}
    for run, record in results:
        for phase in record.phases:
            for scope in Scope:
                if phase.phase == Phase.INFERENCE and phase.energy(scope).energy_per_image_j is not None:
                    group = (record.recipe.track_key, str(phase.scenario), str(scope))
                    lines.setdefault(group, []).append((run, _figures(record, phase, scope)))
    # Boards are created and locked in one order, whatever the recipe's, so that two workers never deadlock.
    boards = {group: _board(hardware, *group) for group in sorted(lines)}
    mine = Entry.objects.filter(work=work_id, board__hardware=hardware)
    lock({*(board.pk for board in boards.values()), *mine.values_list("board_id", flat=True)})
    _remove(mine.exclude(board__in=boards.values()))
    standing = {entry.board_id: entry for entry in mine}
    entries, changed, now = [], [], clock.now()
    for group, measured in lines.items():
        found = _not_limited(measured)
        run, board = found[0][0], boards[group]
        figures = {"recipe_id": run.recipe_id, "run_id": run.pk, **mean_figures([figures for _, figures in found])}
        entry = standing.get(board.pk) or Entry(board=board, work_id=work_id)
        entries.append(entry)
        if entry.pk and all(getattr(entry, name) == value for name, value in figures.items()):
            continue
        for name, value in {**figures, "published_at": now}.items():
            setattr(entry, name, value)
        entry.save()
        changed.append(board.pk)
    raise_revisions(changed)
    return entries


def _not_limited(found: list[tuple[Run, Figures]]) -> list[tuple[Run, Figures]]:
    """The results that were allowed the largest batch that any was best with."""
    best = max(figures["batch_size"] for _, figures in found)
    return [(run, figures) for run, figures in found if not is_limited(run.recipe.document, best)] or found


def counted_results(work_id: int, hardware_id: int) -> list[Run]:
    """The results that a work's entries on a hardware are the mean of, the newest first."""
    runs = Run.objects.filter(recipe__work=work_id, hardware=hardware_id, state=RunState.SUCCEEDED)
    return counted(runs.select_related("recipe", "submission"))


def lock_works(work_ids: Iterable[int]) -> None:
    """Lock works until the transaction ends, before anything else of theirs: results of one work take turns."""
    works = Work.objects.select_for_update(no_key=True).filter(pk__in=set(work_ids)).order_by("pk")
    list(works.values_list("pk", flat=True))


def _board(hardware: Hardware, track: str, scenario: str, scope: str) -> Board:
    board, _ = Board.objects.get_or_create(track=track, hardware=hardware, scenario=scenario, scope=scope)
    return board


@transaction.atomic
def release_hold(run: Run, *, by: User | None = None, reason: str = "") -> list[Entry]:
    """Publish a result that is held for review, after a person has reviewed it.

    Empty if a newer or a full result stays on the boards instead. Raises Refused if the result is not held (any
    more), and if the submission was withdrawn.
    """
    reason = optional_reason(reason)
    # Locked first, as in withdrawing: neither can write between the other's check and its write.
    lock_works([run.recipe.work_id])
    submissions = Submission.objects.select_for_update(no_key=True)
    submission = submissions.filter(pk=run.submission_id).first() if run.submission_id else None
    not_held = Refused("run", f"run {run.pk} is not held for review")
    if not run.held_for or _attempt_of(run) is None:
        raise not_held
    if submission is not None and submission.withdrawn_at is not None:
        raise Refused("run", f"the submission of run {run.pk} was withdrawn; its result is not published")
    if not Run.objects.filter(pk=run.pk, attempt=run.attempt, held_for=run.held_for).update(held_for=[]):
        raise not_held
    write_log(Action.RELEASE, run, by=by, reason=reason, held_for=run.held_for)
    run.held_for = []
    return publish(run)


def _attempt_of(run: Run) -> Attempt | None:
    return run.attempts.filter(number=run.attempt, run__state=RunState.SUCCEEDED, record__isnull=False).first()


def _record_of(run: Run) -> Record | None:
    """The record of a stored result. One that this version can't read is left out of means, and logged."""
    attempt = _attempt_of(run)
    if attempt is None:
        return None
    try:
        return parse_record(json.dumps(attempt.record))
    except DocumentError as error:
        log.error("a stored record can't be read: left out of its entry", run=run.pk, reason=str(error))
        return None


@transaction.atomic
def take_down(entries: QuerySet[Entry], *, reason: str, by: User | None = None) -> int:
    """Remove entries from their boards and hold their results for review. The results stay stored.

    reason: why, for the submitter and the readers. Raises Invalid without one.
    """
    reason = given_reason(reason)
    shown = list(entries.filter(work__isnull=False).values_list("work_id", "board__hardware_id").distinct())
    lock_works(work_id for work_id, _ in shown)
    results = {run.pk for work in shown for run in counted_results(*work)}
    for run in Run.objects.select_for_update(no_key=True).filter(pk__in=results).order_by("pk"):
        mark_held(run, by=by, reason=reason)
    listed = entries.select_related("board__hardware", "recipe__method", "published__board__hardware")
    tell_taken_down(listed, by=by, reason=reason)
    PublishedResult.objects.filter(pk__in=entries.values("published")).update(taken_down_at=Now())
    return _remove(entries)


def tell_taken_down(entries: Iterable[Entry], *, by: User | None, reason: str) -> None:
    """Write in the log that entries leave their boards, with what finds the ones that may come in their place."""
    for entry in entries:
        kept = {"board": entry.board_id, "work": entry.work_id, "published": entry.published_id}
        write_log(Action.TAKE_DOWN, entry, by=by, reason=reason, **kept, run=entry.run_id)


@transaction.atomic
def hold(run: Run, *, reason: str, by: User | None = None) -> None:
    """Leave a published result out of its entry until it is released.

    reason: why, for the submitter and the readers. Raises Invalid without one, Refused if the result is on no board.
    """
    reason = given_reason(reason)
    lock_works([run.recipe.work_id])
    if run.pk not in {result.pk for result in counted_results(run.recipe.work_id, run.hardware_id)}:
        raise Refused("run", f"run {run.pk} takes part in no entry, so there is nothing to hold")
    mark_held(Run.objects.select_for_update(no_key=True).get(pk=run.pk), by=by, reason=reason)
    refresh_entries(run.recipe.work_id, run.hardware)


def mark_held(run: Run, *, by: User | None, reason: str) -> None:
    """Hold one result; its entry is yet to be brought up to date."""
    run.held_for = sorted({*run.held_for, TAKEN_DOWN})
    run.save(update_fields=["held_for"])
    write_log(Action.HOLD, run, by=by, reason=reason)


def _remove(entries: QuerySet[Entry]) -> int:
    board_ids = lock(entries.values_list("board_id", flat=True))
    removed, _ = entries.delete()
    raise_revisions(board_ids)
    return removed


@transaction.atomic
def boards_changed(method: Method) -> None:
    """Raise the revision of every board that shows `method`, because its name or family changed."""
    of_method = Q(recipe__method=method) | Q(published__method=method)
    raise_revisions(Entry.objects.filter(of_method).values_list("board_id", flat=True))


def lock(board_ids: Iterable[int]) -> list[int]:
    """Lock boards until the transaction ends. Always in the order of their ids, so that there are no deadlocks."""
    boards = Board.objects.select_for_update(no_key=True).filter(pk__in=set(board_ids)).order_by("pk")
    return list(boards.values_list("pk", flat=True))


def raise_revisions(board_ids: Iterable[int]) -> None:
    """Raise the revisions of boards whose entries changed. Last in a transaction: it decides which published entries
    verified ones replace, and counts the entries."""
    locked = lock(board_ids)
    replace_published(locked)
    entries = Entry.objects.filter(board=OuterRef("pk"), replaced_by=None).order_by().values("board")
    sizes = {
        name: Coalesce(Subquery(counted.values(number=Count("pk"))), 0)
        for name, counted in (("size", entries), ("verified_size", entries.filter(source="verified")))
    }
    Board.objects.filter(pk__in=locked).update(revision=F("revision") + 1, changed_at=Now(), **sizes)


def life_cycle(record: Record, inference: PhaseRecord, scope: Scope) -> LifeCycle:
    """What is charged in one scenario and scope. Phases of one name are added up; evaluation is never charged."""
    return LifeCycle(
        one_time=tuple(_charge(phase, phase.energy(scope)) for phase in record.phases if phase.phase in CHARGED_ONCE),
        inference=_charge(inference, inference.energy(scope), per_image=True),
    )


def _charge(phase: PhaseRecord, energy: Energy, *, per_image: bool = False) -> PhaseEnergy:
    return PhaseEnergy(
        phase=str(phase.phase),
        energy_j=energy.energy_per_image_j if per_image else energy.energy_j,
        repeatability_u95_j=energy.energy_per_image_u95_j if per_image else energy.repeatability_u95_j,
        provenance=Provenance(str(energy.provenance)),
    )


def _metered_j(parts: list[PhaseEnergy]) -> float:
    return math.fsum(part.energy_j or 0.0 for part in parts if part.provenance == Provenance.METERED)


def _figures(record: Record, inference: PhaseRecord, scope: Scope) -> Figures:
    cycle = life_cycle(record, inference, scope)
    window = inference.inference
    shared = [part for part in cycle.one_time if part.phase in SHARED_PHASES]
    own = [part for part in cycle.one_time if part.phase not in SHARED_PHASES]
    assert window is not None, "an inference phase has its figures"  # noqa: S101 - the record's schema says so
    return {
        "shared_energy_j": cycle.shared_energy_j,
        "own_energy_j": cycle.own_energy_j,
        "inference_energy_j": cycle.inference_energy_j,
        "shared_u95_j": cycle.shared_u95_j,
        "own_u95_j": cycle.own_u95_j,
        "inference_u95_j": cycle.inference_u95_j,
        "metered_shared_j": _metered_j(shared),
        "metered_own_j": _metered_j(own),
        "inference_provenance": str(cycle.inference.provenance),
        "provenance": str(cycle.provenance),
        "complete": not cycle.is_lower_bound,
        "quality": record.quality.value,
        "quality_metric": record.quality.metric,
        "quality_provenance": record.quality.provenance,
        "hidden_quality": record.quality.hidden.value if record.quality.hidden else None,
        "submitters_weights": bool(record.brought_weights),
        "mode": str(record.mode),
        "data": record.data,
        "phases": [
            {
                "phase": phase.phase,
                "energy_j": phase.energy_j,
                "u95_j": phase.repeatability_u95_j,
                "provenance": str(phase.provenance),
            }
            for phase in cycle.one_time
        ],
        "parameters": record.model.parameters,
        "macs": record.model.macs,
        "latency_p50_ms": window.latency_p50_ms,
        "throughput_images_per_s": window.throughput_images_per_s,
        "batch_size": window.batch_size,
    }
