"""From a stored result to entries. A board's revision is raised with every change of its entries."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce, Now

from leaderboard.database import clock
from leaderboard.domain.energy import SHARED_PHASES, LifeCycle, PhaseEnergy, Provenance
from leaderboard.domain.runstate import RunState
from leaderboard.models import Board, Entry, Method, PublishedResult, Run, Submission
from leaderboard.services.refusal import Refused
from measurement.record import Energy, PhaseRecord, Record, parse_record
from measurement.vocabulary import Phase, Scope

CHARGED_ONCE = frozenset(Phase) - {Phase.INFERENCE, Phase.EVALUATE}
TAKEN_DOWN = "taken_down_by_an_administrator"
FULL_FIRST = Case(When(mode="full", then=0), default=1)


@transaction.atomic
def publish(run: Run, record: Record) -> list[Entry]:
    """Point the entry of every scenario and scope in `record` to `run`.

    An entry of a newer run is kept, but a full run replaces that of a newer sampled one. If there is a valid full
    result, a sampled one is not published at all.
    """
    if record.mode != "full" and _valid_results(run.recipe_id, run.hardware_id).filter(mode="full").exists():
        return []
    now = clock.now()
    lines = _ranked_lines(run, record)
    newer, full = Q(run_id__gt=run.pk), Q(run__mode="full")
    better = newer & full if record.mode == "full" else newer | full
    lock(board.pk for board, _, _ in lines)
    published = []
    for board, inference, scope in lines:
        if Entry.objects.filter(better, board=board, recipe=run.recipe).exists():
            continue
        figures = _figures(record, inference, scope)
        entry, _ = Entry.objects.update_or_create(
            board=board, recipe=run.recipe, defaults={"run": run, "published_at": now, **figures}
        )
        published.append(entry)
    raise_revisions(entry.board_id for entry in published)
    return published


def _ranked_lines(run: Run, record: Record) -> list[tuple[Board, PhaseRecord, Scope]]:
    """Each scenario and scope that has a figure, with its board.

    Boards are created in one order, whatever the recipe's, so that two workers never deadlock.
    """
    found = sorted(
        (str(phase.scenario), str(scope), phase.position)
        for phase in record.phases
        for scope in Scope
        if phase.phase == Phase.INFERENCE and phase.energy(scope).energy_per_image_j is not None
    )
    phases = {phase.position: phase for phase in record.phases}
    lines = []
    for scenario, scope, position in found:
        board, _ = Board.objects.get_or_create(
            track=record.recipe.track_key, hardware=run.hardware, scenario=scenario, scope=scope
        )
        lines.append((board, phases[position], Scope(scope)))
    return lines


@transaction.atomic
def release_hold(run: Run) -> list[Entry]:
    """Publish a result that is held for review, after a person has reviewed it.

    Empty if a newer or a full result stays on the boards instead. Raises Refused if the result is not held (any
    more), and if the submission was withdrawn.
    """
    # Locked first, as in withdrawing: neither can write between the other's check and its write.
    submissions = Submission.objects.select_for_update(no_key=True)
    submission = submissions.filter(pk=run.submission_id).first() if run.submission_id else None
    record = _record_of(run)
    not_held = Refused("run", f"run {run.pk} is not held for review")
    if not run.held_for or record is None:
        raise not_held
    if submission is not None and submission.withdrawn_at is not None:
        raise Refused("run", f"the submission of run {run.pk} was withdrawn; its result is not published")
    if not Run.objects.filter(pk=run.pk, attempt=run.attempt, held_for=run.held_for).update(held_for=[]):
        raise not_held
    run.held_for = []
    return publish(run, record)


def _record_of(run: Run) -> Record | None:
    attempt = run.attempts.filter(number=run.attempt, run__state=RunState.SUCCEEDED, record__isnull=False).first()
    return parse_record(json.dumps(attempt.record)) if attempt else None


def _valid_results(recipe_id: int, hardware_id: int) -> QuerySet[Run]:
    """Results that may be on boards, the best first: full before sampled, then the newest."""
    return Run.objects.filter(
        recipe=recipe_id,
        hardware=hardware_id,
        state=RunState.SUCCEEDED,
        held_for=[],
        submission__withdrawn_at=None,
    ).order_by(FULL_FIRST, "-pk")


@transaction.atomic
def take_down(entries: QuerySet[Entry]) -> int:
    """Remove entries from their boards and hold their results for review. The results stay stored."""
    for run in Run.objects.select_for_update(no_key=True).filter(pk__in=entries.values("run")).order_by("pk"):
        run.held_for = sorted({*run.held_for, TAKEN_DOWN})
        run.save(update_fields=["held_for"])
    PublishedResult.objects.filter(pk__in=entries.values("published")).update(taken_down_at=Now())
    return _remove(entries)


@transaction.atomic
def replace_entries(submission: Submission) -> None:
    """Remove the entries of a withdrawn submission, and publish the best result of others' submissions."""
    recipe_id, hardware_id = submission.recipe_id, submission.hardware_id
    # All boards that either half may change, in one order. Of two withdrawals, the second removes what the first
    # published.
    lock(Board.objects.filter(track=submission.recipe.track, hardware=hardware_id).values_list("pk", flat=True))
    removed = _remove(Entry.objects.filter(run__submission=submission))
    best = _valid_results(recipe_id, hardware_id).first() if removed else None
    record = _record_of(best) if best else None
    if best and record:
        publish(best, record)


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
    """Raise the revisions of boards whose entries changed. Last in a transaction: it counts the entries."""
    entries = Entry.objects.filter(board=OuterRef("pk")).order_by().values("board")
    sizes = {
        name: Coalesce(Subquery(counted.values(number=Count("pk"))), 0)
        for name, counted in (("size", entries), ("verified_size", entries.filter(source="verified")))
    }
    Board.objects.filter(pk__in=lock(board_ids)).update(revision=F("revision") + 1, changed_at=Now(), **sizes)


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


def _figures(record: Record, inference: PhaseRecord, scope: Scope) -> dict[str, object]:
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
        "submitters_weights": record.quality.finished_weights_sha256 is not None,
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
