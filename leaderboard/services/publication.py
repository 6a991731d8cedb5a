"""From a stored result to entries. A board's revision is raised with every change of its entries."""

from __future__ import annotations

import json
from collections.abc import Iterable

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce, Now

from leaderboard.database import clock
from leaderboard.domain.counting import counted
from leaderboard.domain.runstate import RunState
from leaderboard.models import (
    Action,
    Attempt,
    Board,
    Entry,
    Hardware,
    LogLine,
    Method,
    NoticeKind,
    PublishedResult,
    RemovedEntry,
    Run,
    Submission,
    Work,
)
from leaderboard.services.figures import figures_of_entries
from leaderboard.services.log import given_reason, optional_reason, write_log
from leaderboard.services.means import UNCERTAINTIES, Figures
from leaderboard.services.notices import tell_of_run, tell_superseded
from leaderboard.services.pooling import pool_spreads
from leaderboard.services.published_models import replace_published
from leaderboard.services.refusal import Refused
from leaderboard.services.review import busy_results_replaced_by
from leaderboard.services.superseding import supersede
from measurement.documents import DocumentError
from measurement.record import Record, parse_record
from measurement.tracks import private_to
from measurement.vocabulary import Flag

TAKEN_DOWN = "taken_down_by_an_administrator"
FULL_FIRST = Case(When(mode="full", then=0), default=1)

log = structlog.get_logger()


@transaction.atomic
def publish(run: Run) -> list[Entry]:
    """Bring the entries of a run's work on its hardware up to date. Returns those whose figures it takes part in."""
    lock_works([run.recipe.work_id])
    for busy in Run.objects.filter(pk__in=busy_results_replaced_by(run)).select_related("recipe__method"):
        reason = f"Run {run.pk} was on a quiet machine."
        line = mark_held(busy, by=None, reason=reason, flag=str(Flag.BUSY_MACHINE))
        tell_of_run(NoticeKind.HELD, busy, event=line, reason=reason)
    entries = refresh_entries(run.recipe.work_id, run.hardware)
    results = _results(run.recipe.work_id, run.hardware_id)
    taken = {result.pk for result in counted(results)}
    if run.pk not in taken:
        return []
    for displaced in counted(results.exclude(pk=run.pk)):
        if displaced.pk not in taken:
            tell_superseded(displaced, by=run, reason="Its result was of a sample; this one is of a whole run.")
    return entries


@transaction.atomic
def refresh_entries(work_id: int, hardware: Hardware) -> list[Entry]:
    """Give a work's entries on a hardware the mean of its results; remove those that no result is left for."""
    lock_works([work_id])
    results = [(run, record) for run in counted_results(work_id, hardware.pk) if (record := _record_of(run))]
    found = figures_of_entries(results)
    # Boards are created and locked in one order, whatever the recipe's, so that two workers never deadlock.
    boards = {group: _board(hardware, *group) for group in sorted(found)}
    mine = Entry.objects.filter(work=work_id, board__hardware=hardware)
    lock({*(board.pk for board in boards.values()), *mine.values_list("board_id", flat=True)})
    _remove(mine.exclude(board__in=boards.values()))
    standing = {entry.board_id: entry for entry in mine}
    entries, changed, now = [], [], clock.now()
    for group, figures in found.items():
        board = boards[group]
        entry = standing.get(board.pk) or Entry(board=board, work_id=work_id)
        entries.append(entry)
        if entry.pk and _is_the_same(entry, figures):
            continue
        for name, value in {**figures, "published_at": now}.items():
            setattr(entry, name, value)
        is_new = entry.pk is None
        if is_new:
            _as_before(entry)
        entry.save(force_insert=is_new)
        changed.append(board.pk)
    raise_revisions(changed)
    return entries


def _as_before(entry: Entry) -> None:
    """Give an entry that comes back its number, and with the same results the time when these were published."""
    before = RemovedEntry.objects.filter(board=entry.board, work=entry.work_id).first()
    if before is None:
        return
    if before.runs == _runs_of(entry):
        entry.published_at = before.published_at
    if not Entry.objects.filter(pk=before.number).exists():  # which an import may have taken
        entry.pk = before.number
    before.delete()


def _runs_of(entry: Entry) -> list[int]:
    return list(entry.repeats.get("runs", [entry.run_id]))


def _is_the_same(entry: Entry, figures: Figures) -> bool:
    """Whether an entry has these figures. Its uncertainties depend on other works too, and follow from `repeats`."""

    def without_u95(phases: list[Figures]) -> list[Figures]:
        return [phase | {"u95_j": None} for phase in phases]

    own = {name: value for name, value in figures.items() if name not in (*UNCERTAINTIES.values(), "phases")}
    return without_u95(entry.phases) == without_u95(figures["phases"]) and all(
        getattr(entry, name) == value for name, value in own.items()
    )


def counted_results(work_id: int, hardware_id: int) -> list[Run]:
    """The results that a work's entries on a hardware are the mean of, the newest first."""
    return counted(_results(work_id, hardware_id))


def _results(work_id: int, hardware_id: int) -> QuerySet[Run]:
    runs = Run.objects.filter(recipe__work=work_id, hardware=hardware_id, state=RunState.SUCCEEDED)
    return runs.select_related("recipe", "submission")


def lock_works(work_ids: Iterable[int]) -> None:
    """Lock works until the transaction ends, before anything else of theirs: results of one work take turns."""
    works = Work.objects.select_for_update(no_key=True).filter(pk__in=set(work_ids)).order_by("pk")
    list(works.values_list("pk", flat=True))


def _board(hardware: Hardware, track: str, scenario: str, scope: str) -> Board:
    board, _ = Board.objects.get_or_create(
        track=track, hardware=hardware, scenario=scenario, scope=scope, defaults={"private_to": private_to(track)}
    )
    return board


@transaction.atomic
def release_hold(run: Run, *, by: User | None = None, reason: str = "") -> list[Entry]:
    """Publish a result that is held for review, after a person has reviewed it.

    Empty if it is a sampled one, and a full one stays on the boards instead. Raises Refused if the result is not held
    (any more), and if the submission was withdrawn.
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
    line = write_log(Action.RELEASE, run, by=by, reason=reason, held_for=run.held_for)
    run.held_for = []
    entries = publish(run)
    tell_of_run(NoticeKind.RELEASED, run, event=line, reason=reason, entries=entries)
    return entries


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
        line = mark_held(run, by=by, reason=reason)
        tell_of_run(NoticeKind.TAKEN_DOWN, run, event=line, reason=reason)
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
    held = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
    line = mark_held(held, by=by, reason=reason)
    tell_of_run(NoticeKind.HELD, held, event=line, reason=reason)
    refresh_entries(run.recipe.work_id, run.hardware)


def mark_held(run: Run, *, by: User | None, reason: str, flag: str = TAKEN_DOWN) -> LogLine:
    """Hold one result; its entry is yet to be brought up to date, and its submitter to be notified."""
    run.held_for = sorted({*run.held_for, flag})
    run.save(update_fields=["held_for"])
    return write_log(Action.HOLD, run, by=by, reason=reason)


def _remove(entries: QuerySet[Entry]) -> int:
    board_ids = lock(entries.values_list("board_id", flat=True))
    gone = list(entries)
    works = {entry.work_id for entry in gone}
    RemovedEntry.objects.filter(board__in=board_ids, work__in=works).delete()
    RemovedEntry.objects.bulk_create(
        RemovedEntry(
            number=entry.pk,
            board_id=entry.board_id,
            work_id=entry.work_id,
            runs=_runs_of(entry),
            published_at=entry.published_at,
        )
        for entry in gone
        if entry.work_id is not None
    )
    Entry.objects.filter(pk__in=[entry.pk for entry in gone]).delete()
    raise_revisions(board_ids)
    return len(gone)


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
    """Raise the revisions of boards whose entries changed. Last in a transaction: it decides which entries newer
    versions supersede and which published ones verified ones replace, pools the spread of results, and counts the
    entries."""
    locked = lock(board_ids)
    supersede(locked)
    replace_published(locked)
    pool_spreads(locked)
    _gather_power_limits(locked)
    entries = Entry.objects.filter(Entry.ON_BOARD, board=OuterRef("pk")).order_by().values("board")
    sizes = {
        name: Coalesce(Subquery(counted.values(number=Count("pk"))), 0)
        for name, counted in (("size", entries), ("verified_size", entries.filter(source="verified")))
    }
    Board.objects.filter(pk__in=locked).update(revision=F("revision") + 1, changed_at=Now(), **sizes)


def _gather_power_limits(board_ids: list[int]) -> None:
    """Note under which power limits the entries of each board ran."""
    ranked = (
        Entry.objects.filter(board__in=board_ids, source="verified").filter(Entry.ON_BOARD).exclude(power_limits_w=[])
    )
    found: dict[int, set[float]] = {}
    for board_id, limits_w in ranked.order_by().values_list("board", "power_limits_w").distinct():
        found.setdefault(board_id, set()).update(limits_w)
    for board in Board.objects.filter(pk__in=board_ids).only("power_limits_w"):
        if board.power_limits_w != (limits_w := sorted(found.get(board.pk, ()))):
            Board.objects.filter(pk=board.pk).update(power_limits_w=limits_w)
