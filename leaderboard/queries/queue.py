"""The line of runs and what ended lately, as lists show them: with attempts, and without what no list shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar, overload

from django.db.models import Prefetch, QuerySet

from leaderboard import routing
from leaderboard.domain.readers import reader_now
from leaderboard.domain.runstate import ACTIVE
from leaderboard.models import Action, Attempt, LogLine, Method, Recipe, Run
from leaderboard.queries.runs import RunQuerySet, every_run, runs

Q = TypeVar("Q", bound=QuerySet[Run])


class Queue:
    """Running and queued runs, in the order in which they will be done: as a list of which parts are read.

    Of one that who reads now may not see, it is said that it has its place, and nothing else.
    Only numbers are put in order; the lines of a part are read by them. Two queries a part, three with attempts, and
    one of an empty part.
    """

    def __init__(self, *, attempts: bool) -> None:
        self._attempts = attempts
        self._ordered = every_run().active().order_by("-state", *routing.LINE)

    def __len__(self) -> int:
        return self._ordered.order_by().count()

    @overload
    def __getitem__(self, part: int) -> Run: ...
    @overload
    def __getitem__(self, part: slice) -> list[Run]: ...
    def __getitem__(self, part: int | slice) -> Run | list[Run]:
        if isinstance(part, int):
            return self[part : part + 1][0]
        numbers = list(self._ordered.values_list("pk", flat=True)[part])
        if not numbers:
            return []
        found = every_run().with_names().filter(pk__in=numbers)
        lines = {run.pk: _as_seen(run) for run in (with_attempts(found) if self._attempts else found)}
        return [lines[number] for number in numbers if number in lines]  # one may have ended meanwhile

    def __iter__(self) -> Iterator[Run]:
        return iter(self[:])


def _as_seen(run: Run) -> Run:
    """A run, or what is said of it to those who may not see it. What is said is never saved."""
    if reader_now().may_see(run.recipe.private_to):
        return run
    run.recipe = Recipe(method=Method(title="A private submission", family=""), sha256="", track="")
    run.submission, run.progress, run.reason, run.held_for = None, {}, "", []
    run._prefetched_objects_cache = {"attempts": run.attempts.none()}  # type: ignore[attr-defined]
    return run


def queue(*, attempts: bool = False) -> Queue:
    """Running and queued runs, in the order in which they will be done; with their attempts if asked."""
    return Queue(attempts=attempts)


def recent_runs(limit: int = 20) -> RunQuerySet:
    """The most recently finished runs."""
    ended = runs().filter(finished_at__isnull=False).exclude(state__in=ACTIVE)
    return with_attempts(ended.with_names()).order_by("-finished_at")[:limit]


def with_attempts(found: Q) -> Q:
    """With their attempts, without the records of these."""
    return found.prefetch_related(Prefetch("attempts", Attempt.objects.defer("record")))


def hold_reasons(held: Iterable[int]) -> dict[int, str]:
    """What was said last of why each of these runs is held; without those of which nothing was said. One query."""
    numbers = [str(number) for number in held]
    lines = LogLine.objects.filter(object_type=Run._meta.model_name, object_id__in=numbers, action=Action.HOLD)
    return {int(line.object_id): line.reason for line in lines.exclude(reason="").order_by("pk")} if numbers else {}
