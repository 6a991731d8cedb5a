"""The versions of a submission or an entry, and the corrections of a method's names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from leaderboard.models import Action, Board, Entry, FormerEntry, LogLine, Method, RemovedEntry, Run, Submission
from leaderboard.queries.own import SHOWN_FIRST
from leaderboard.queries.privacy import visible


@dataclass(frozen=True, slots=True)
class Version:
    """One of several versions of what a person submitted, counted from 1. state: of its newest run; empty without."""

    number: int
    submission: Submission
    state: str
    entry: Entry | None


def versions_of_submission(submission: Submission) -> list[Version]:
    """All versions that a submission is one of, the first one first; empty if it is the only one. Two queries."""
    return _versions([submission.first_version_id or submission.pk])


def versions_of_entry(entry: Entry) -> list[Version]:
    """The same of an entry's work on its hardware, with the entries of its board. Empty of a published one."""
    if entry.work_id is None:
        return []
    mine = Submission.objects.filter(recipe__work=entry.work_id, hardware=entry.board.hardware_id)
    linked = mine.filter(Q(version_of__isnull=False) | Q(versions__isnull=False)).values_list("first_version", "pk")
    roots = {first or pk for first, pk in linked}
    return _versions(roots, entry.board) if roots else []


def _versions(roots: Collection[UUID], board: Board | None = None) -> list[Version]:
    newest = Run.objects.filter(submission=OuterRef("pk")).order_by("-pk").values("state")[:1]
    chain = Submission.objects.filter(Q(pk__in=roots) | Q(first_version__in=roots))
    named = chain.select_related("recipe__method", "hardware").defer("recipe__document")
    found = list(named.annotate(newest_state=Subquery(newest)).order_by("created_at", "pk"))
    if len(found) < 2:
        return []
    on_boards = Entry.objects.filter(work__in={submission.recipe.work_id for submission in found})
    if board is not None:
        on_boards = on_boards.filter(board=board)
    entries: dict[tuple[int | None, int], Entry] = {}
    ordered = on_boards.select_related("board").defer("repeats", "phases").order_by(SHOWN_FIRST, "board__scope", "pk")
    for entry in ordered:
        entries.setdefault((entry.work_id, entry.board.hardware_id), entry)
    return [
        Version(
            number,
            submission,
            submission.newest_state or "",
            entries.get((submission.recipe.work_id, submission.hardware_id))
            if submission.withdrawn_at is None
            else None,
        )
        for number, submission in enumerate(found, 1)
    ]


def corrections(method: Method) -> QuerySet[LogLine]:
    """What changed in a method's names since it was submitted, the newest first; by whomever."""
    lines = LogLine.objects.filter(object_type=Method._meta.model_name, object_id=str(method.pk))
    return lines.filter(action__in=[Action.CORRECT, Action.CHANGE])


def removed_entry(number: int) -> RemovedEntry | None:
    """The entry of a number that has left its board, with whose results it was; if who reads now may see it."""
    found = RemovedEntry.objects.filter(visible("board__private_to")).select_related("board__hardware", "work")
    return found.filter(pk=number).first()


def numbers_gone() -> list[int]:
    """Numbers that entries had which were joined with others, withdrawn or taken down, in order."""
    joined = FormerEntry.objects.filter(visible("entry__board__private_to")).values_list("number", flat=True)
    removed = RemovedEntry.objects.filter(visible("board__private_to")).values_list("number", flat=True)
    lines = LogLine.objects.filter(action=Action.TAKE_DOWN, object_type=Entry._meta.model_name)
    taken_down = (int(number) for number in lines.values_list("object_id", flat=True))
    return sorted({*joined, *removed, *taken_down})


def withdrawn_from(removed: RemovedEntry) -> Submission | None:
    """The submission whose withdrawal took an entry off its board: the last of its work that was withdrawn."""
    of_work = Submission.objects.filter(recipe__work=removed.work_id, hardware=removed.board.hardware_id)
    withdrawn = of_work.filter(withdrawn_at__isnull=False).select_related("recipe__method").defer("recipe__document")
    return withdrawn.order_by("-withdrawn_at").first()
