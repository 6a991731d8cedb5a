"""The log: who did what to which object, and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from leaderboard.models import Action, Board, Entry, LogLine, Run
from leaderboard.queries.privacy import visible


def log_lines(
    *, since: date | None = None, until: date | None = None, search: str = "", **equal: str
) -> QuerySet[LogLine]:
    """The lines that meet every condition, the newest first.

    since, until: days, both included, in UTC. search: as `search_log` does. equal: fields with their
    values; an empty one is no condition.
    """
    found = LogLine.objects.filter(**{name: value for name, value in equal.items() if value})
    if since is not None:
        found = found.filter(at__gte=datetime.combine(since, time.min, UTC))
    if until is not None:
        found = found.filter(at__lte=datetime.combine(until, time.max, UTC))
    if search:
        found = search_log(found, search)
    return found


def search_log(lines: QuerySet[LogLine], search: str) -> QuerySet[LogLine]:
    """The lines with this text in the reason, in who did it, or in the name or number of the object."""
    fields = ("reason", "object_name", "actor", "object_id")
    return lines.filter(reduce(or_, (Q(**{f"{name}__icontains": search}) for name in fields)))


def decisions(runs: Iterable[int], entry: int | None = None) -> QuerySet[LogLine]:
    """What administrators decided about these runs and this entry and gave a reason for, the newest first."""
    about = Q(object_type=Run._meta.model_name, object_id__in=[str(run) for run in runs])
    if entry is not None:
        about |= Q(object_type=Entry._meta.model_name, object_id=str(entry))
    shown = [Action.HOLD, Action.RELEASE, Action.TAKE_DOWN]
    return LogLine.objects.filter(about, action__in=shown).exclude(reason="")


def taken_down(entry: int) -> LogLine | None:
    """The line that says why an entry of this number was taken down; None if none was, or not for who reads now."""
    lines = LogLine.objects.filter(action=Action.TAKE_DOWN, object_type=Entry._meta.model_name, object_id=str(entry))
    line = lines.first()
    board = Board.objects.filter(pk=line.details.get("board")) if line else Board.objects.none()
    hidden = board.exists() and not board.filter(visible()).exists()
    return None if hidden else line


def in_place_of(line: LogLine) -> Entry | None:
    """The entry that has come in place of a taken down one, once its result was released; None if none has."""
    work, published = line.details.get("work"), line.details.get("published")
    if work is None and published is None:
        return None
    return Entry.objects.filter(board=line.details.get("board"), work=work, published=published).first()
