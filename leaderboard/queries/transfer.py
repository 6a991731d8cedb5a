"""All results of the site as lines, a kind at a time and a line at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef, Q

from leaderboard.domain.runstate import ACTIVE, FINAL
from leaderboard.models import Attempt, Board, Entry, Hardware, Method, PublishedResult, Recipe, Run, Submission
from leaderboard.transfer.lines import Line, to_line

ROWS_AT_ONCE = 500


@contextmanager
def snapshot() -> Iterator[None]:
    """What the block reads is the database at one moment; others write meanwhile. Not inside a transaction."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Immediate transactions, the site's own, keep every writer out from their first moment.
        connection.ensure_connection()  # which sets the mode
        sqlite: Any = connection
        kept, sqlite.transaction_mode = sqlite.transaction_mode, "DEFERRED"
        try:
            with transaction.atomic():
                yield
        finally:
            sqlite.transaction_mode = kept


def moved(kind: str) -> models.QuerySet[Any]:
    """What an export holds of a kind. Runs that have ended, with their submissions; queued and running ones stay.

    Private results stay too: the number of their account is another's elsewhere.
    """
    found: models.QuerySet[Any] = _MOVED[kind]()
    return found


def active_runs() -> int:
    """How many runs an export leaves out."""
    return Run.objects.filter(state__in=ACTIVE).count()


def lines(kind: str) -> Iterator[tuple[Any, Line]]:
    """Every stored object of a kind, in the order of their making, with its line."""
    for stored in moved(kind).iterator(chunk_size=ROWS_AT_ONCE):
        yield stored, _NAMED[kind](stored) | to_line(stored)


def _methods() -> models.QuerySet[Method]:
    used = (
        Exists(Recipe.objects.filter(private_to=None, method=OuterRef("pk"))),
        Exists(PublishedResult.objects.filter(method=OuterRef("pk"))),
    )
    return Method.objects.filter(used[0] | used[1]).select_related("submitter").order_by("pk")


def _submissions() -> models.QuerySet[Submission]:
    ended = Exists(Run.objects.filter(submission=OuterRef("pk"), state__in=FINAL))
    public = Submission.objects.filter(ended, recipe__private_to=None)
    submissions = public.select_related("submitter", "withdrawn_by", "recipe", "hardware")
    return submissions.defer("recipe__document").order_by("created_at", "pk")


def _runs() -> models.QuerySet[Run]:
    runs = Run.objects.filter(state__in=FINAL, recipe__private_to=None)
    return runs.select_related("recipe", "hardware", "requested_by").defer("recipe__document").order_by("pk")


def _entries() -> models.QuerySet[Entry]:
    entries = Entry.objects.filter(board__private_to=None)
    return (
        entries.select_related("recipe__method", "published__method", "board__hardware")
        .defer("recipe__document", "published__document")
        .order_by("pk")
    )


_MOVED: dict[str, Any] = {
    "hardware": lambda: Hardware.objects.filter(
        Q(pk__in=Board.objects.filter(private_to=None).values("hardware")) | Q(pk__in=_runs().values("hardware"))
    ).order_by("pk"),
    "methods": _methods,
    "recipes": lambda: Recipe.objects.filter(private_to=None).select_related("work").order_by("pk"),
    "submissions": _submissions,
    "runs": _runs,
    "attempts": lambda: (
        Attempt.objects.filter(run__in=_runs().values("pk")).prefetch_related("phases").order_by("run_id", "number")
    ),
    "boards": lambda: Board.objects.filter(private_to=None).select_related("hardware").order_by("pk"),
    "published_results": lambda: PublishedResult.objects.order_by("pk"),
    "entries": _entries,
}

_NAMED: dict[str, Any] = {
    "hardware": lambda hardware: {},
    "methods": lambda method: {"id": method.pk, "submitter": _user_name(method.submitter)},
    "recipes": lambda recipe: {"id": recipe.pk, "method": recipe.method_id, "work": recipe.work.sha256},
    "submissions": lambda submission: {
        "id": str(submission.pk),
        "submitter": _user_name(submission.submitter),
        "recipe": submission.recipe.sha256,
        "hardware": submission.hardware.name,
        "version_of": str(submission.version_of_id) if submission.version_of_id else None,
        "withdrawn_by": _user_name(submission.withdrawn_by),
    },
    "runs": lambda run: {
        "id": run.pk,
        "submission": str(run.submission_id) if run.submission_id else None,
        "recipe": run.recipe.sha256,
        "hardware": run.hardware.name,
        "requested_by": _user_name(run.requested_by),
    },
    "attempts": lambda attempt: {
        "run": attempt.run_id,
        "trace": attempt.trace.name or None,
        "phases": [to_line(phase) for phase in attempt.phases.all()],
    },
    "boards": lambda board: {"id": board.pk, "hardware": board.hardware.name},
    "published_results": lambda result: {"id": result.pk, "method": result.method_id, "board": result.board_id},
    "entries": lambda entry: {
        "id": entry.pk,
        "board": entry.board_id,
        "recipe": entry.recipe.sha256 if entry.recipe else None,
        "run": entry.run_id,
        "published": entry.published_id,
    },
}


def _user_name(user: Any) -> str | None:
    """The one thing about a person that travels."""
    return user.get_username() if user else None
