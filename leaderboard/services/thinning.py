"""Thins old power traces, and removes the full ones a week later. Figures are never touched.

Safe to be killed at any moment, and for two at once. A row is there before its file is, and names it: what a process
leaves behind when it is killed is found by that row. The attempt names the full trace until the thinned one has been
written and read back, and the full file stays for a week more, so that an export, a backup or a restored database
that names it finds it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import Error, IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from leaderboard.database import clock
from leaderboard.domain.runstate import ACTIVE
from leaderboard.models import Action, Attempt, Run, ThinnedTrace
from leaderboard.services.log import write_log
from leaderboard.services.thinned_files import Facts, StaysFull, sha256_of_file, thinned_file

log = structlog.get_logger()

KEEP_FULL = timedelta(days=7)
"""How long a full file stays in the storage after a thinned one has taken its place."""

ABANDONED = timedelta(hours=1)
"""A thinning that began so long ago has ended: one takes seconds, five minutes at most."""

TRY_AGAIN = timedelta(days=30)
"""After which a trace that stayed full is tried again: its file was away, or the machine too busy to thin it."""

MOST_FAULTS = 10
"""Faults of the storage after which no more is tried: it is away, or full."""

_TRACE = Attempt._meta.get_field("trace")


@dataclass(slots=True)
class Thinnings:
    """How many traces were thinned, from and to how many bytes; how many stay full for a reason of their own.

    failed: storage could not be read or written; these are due again.
    """

    thinned: int = 0
    bytes_before: int = 0
    bytes: int = 0
    stay: int = 0
    failed: int = 0

    def add(self, facts: Facts) -> None:
        self.thinned += 1
        self.bytes_before += facts.bytes_before
        self.bytes += facts.bytes


def traces_to_thin(days: int) -> QuerySet[Attempt]:
    """Attempts whose full traces are older than so many days, the oldest first; without those examined lately."""
    new = Q(thinned=None) | Q(thinned__in=_left_full())
    old = Attempt.objects.filter(new, ended_at__lt=clock.now() - timedelta(days=days))
    return _thinnable(old).order_by("ended_at", "pk")


def _left_full() -> QuerySet[ThinnedTrace]:
    """What was examined long ago, and stayed full."""
    return ThinnedTrace.objects.exclude(reason="").filter(begun_at__lt=clock.now() - TRY_AGAIN)


def _thinnable(attempts: QuerySet[Attempt]) -> QuerySet[Attempt]:
    """Not a result that is held, nor one whose work is being measured again on its hardware: each may be disputed.

    Power over time is then what distinguishes a disturbed machine from another result.
    """
    work, hardware = OuterRef("run__recipe__work"), OuterRef("run__hardware")
    under_way = Run.objects.filter(recipe__work=work, hardware=hardware, state__in=ACTIVE)
    of_results = attempts.exclude(trace="").filter(record__isnull=False, run__is_held=False)
    return of_results.filter(~Exists(under_way))


def thin_old_traces(
    days: int, *, within_s: float | None = None, report: Callable[[Attempt, str], None] | None = None
) -> Thinnings:
    """Thin what is due, until `within_s` seconds are over. First what others left behind is cleared away.

    report: called after each trace, with what came of it. 0 days: nothing is due.
    """
    until = None if within_s is None else time.monotonic() + within_s
    clear_away(until=until)
    done = Thinnings()
    for pk in list(traces_to_thin(days).values_list("pk", flat=True)) if days else ():
        if done.failed >= MOST_FAULTS or _is_over(until):
            break
        attempt = Attempt.objects.get(pk=pk)
        said = _thin_one(attempt, done)
        if report is not None:
            report(attempt, said)
    return done


def _is_over(until: float | None) -> bool:
    return until is not None and time.monotonic() > until


def would_thin(days: int, report: Callable[[Attempt, str], None]) -> Thinnings:
    """What thinning now would save: each trace is thinned, and thrown away."""
    done = Thinnings()
    for attempt in traces_to_thin(days).iterator(chunk_size=100):
        try:
            with thinned_file(attempt) as (_, facts):
                done.add(facts)
                report(attempt, _in_words(facts))
        except StaysFull as reason:
            done.stay += 1
            report(attempt, f"stays full: {reason}")
    return done


def _thin_one(attempt: Attempt, done: Thinnings) -> str:
    try:
        facts = thin(attempt)
    except StaysFull as reason:
        done.stay += 1
        return f"stays full: {reason}"
    except Error:
        raise
    except Exception as error:  # each storage raises its own
        done.failed += 1
        log.warning("trace not thinned, will be tried again", attempt=attempt.pk, reason=str(error))
        return f"is not thinned: {error}"
    if facts is None:
        return "is left to another process, or is no longer to be thinned"
    done.add(facts)
    return _in_words(facts)


def _in_words(facts: Facts) -> str:
    return f"{facts.samples_before:,} samples to {facts.samples:,}, {facts.bytes_before:,} bytes to {facts.bytes:,}"


def thin(attempt: Attempt) -> Facts | None:
    """Put a thinned trace in the place of an attempt's full one.

    None if another process is at it, or if it must stay full by now. Raises StaysFull for one that is not thinned,
    which is noted, and what storage and database raise, after which it is due again.
    """
    name = _TRACE.generate_filename(attempt, f"thinned-{attempt.pk}-{uuid4().hex[:12]}.parquet")
    try:
        with transaction.atomic():
            _left_full().filter(attempt=attempt).delete()
            ThinnedTrace.objects.create(attempt=attempt, file=name)
    except IntegrityError:
        return None
    try:
        with thinned_file(attempt) as (path, facts):
            _store(attempt.trace.storage, name, path.read_bytes(), facts.sha256)
        if _put_in_place(attempt, name, facts):
            return facts
    except StaysFull as reason:
        _at_work(attempt.pk, name).update(reason=str(reason), file="")
        raise
    except BaseException:
        _abandon(attempt, name)
        raise
    _abandon(attempt, name)
    return None


def _store(storage: Storage, name: str, content: bytes, sha256: str) -> None:
    """Under exactly this name, and read back. Raises OSError."""
    stored = storage.save(name, ContentFile(content))
    if stored != name:
        storage.delete(stored)
        raise OSError(f"{name}: the storage gave it the name {stored}")
    with storage.open(name, "rb") as file:
        if sha256_of_file(file) != sha256:
            raise OSError(f"{name}: is not in the storage as it was written")


@transaction.atomic
def _put_in_place(attempt: Attempt, name: str, facts: Facts) -> bool:
    """False if the row is no longer this process's, or the trace has become one that stays full."""
    full = str(attempt.trace.name)
    # Whoever holds a result locks its run: that comes before this look, or after the trace was thinned.
    run = Run.objects.select_for_update(no_key=True).get(pk=attempt.run_id)
    if not _thinnable(Attempt.objects.filter(pk=attempt.pk, trace=full)).exists():
        return False
    row = {field: getattr(facts, field) for field in Facts.__slots__}
    if not _at_work(attempt.pk, name).update(full_file=full, **row):
        return False
    Attempt.objects.filter(pk=attempt.pk).update(trace=name)
    details = {field: value for field, value in row.items() if field != "at"}
    write_log(Action.THIN, run, by=None, attempt=attempt.number, **details)
    return True


def _at_work(attempt: int, name: str) -> QuerySet[ThinnedTrace]:
    """The row of the process that writes to this file, while it is at it."""
    return ThinnedTrace.objects.filter(pk=attempt, file=name, at=None, reason="")


def _abandon(attempt: Attempt, name: str) -> None:
    """Take away the file and then its row, so that the trace is due again; whatever fails is left to `clear_away`."""
    try:
        with transaction.atomic():
            row = _at_work(attempt.pk, name).select_for_update().first()  # who is still at it waits, and finds no row
            # If the connection broke while committing, the attempt may or may not name the file.
            if not Attempt.objects.filter(pk=attempt.pk, trace=name).exists():
                attempt.trace.storage.delete(name)
                if row is not None:
                    row.delete()
    except Exception as error:  # each storage raises its own
        log.warning("thinned trace not removed yet", file=name, reason=str(error))


def clear_away(*, keep_full: timedelta = KEEP_FULL, until: float | None = None) -> int:
    """Remove what killed processes left, and full files whose time is over. Returns how many files of these went.

    Not the full file of what may be disputed by now. until: on the monotonic clock; the rest is for another time.
    """
    now = clock.now()
    left = ThinnedTrace.objects.filter(at=None, reason="", begun_at__lt=now - ABANDONED)
    for row in left.select_related("attempt").defer("attempt__record"):
        _abandon(row.attempt, row.file)
    undisputed = _thinnable(Attempt.objects.all())
    due = ThinnedTrace.objects.exclude(full_file="").filter(begun_at__lte=now - keep_full, attempt__in=undisputed)
    gone = failed = 0
    for row in due.select_related("attempt").defer("attempt__record").order_by("begun_at"):
        if failed >= MOST_FAULTS or _is_over(until):
            break
        try:
            gone += _remove_full(row)
        except Error:
            raise
        except Exception as error:  # each storage raises its own
            failed += 1
            log.warning("full trace not removed, will be tried again", file=row.full_file, reason=str(error))
    return gone


def _remove_full(row: ThinnedTrace) -> int:
    """Only where the thinned trace is there, whole."""
    storage, name = row.attempt.trace.storage, str(row.attempt.trace.name)
    if name == row.full_file or not storage.exists(name) or storage.size(name) != row.bytes:
        log.error("full trace kept: the thinned one is not there", attempt=row.pk, file=name, full=row.full_file)
        return 0
    storage.delete(row.full_file)
    ThinnedTrace.objects.filter(pk=row.pk, full_file=row.full_file).update(full_file="")
    return 1
