"""One person's submissions: each with its newest run, its entry, its rank now, and what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, When

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.runstate import RunState
from leaderboard.models import Board, Entry, Run, Scenario, Scope, Submission
from leaderboard.queries.boards import RankedBoard, RankedEntry, columns_of
from leaderboard.queries.runs import every_run, every_submission, live_workers
from leaderboard.queries.waiting import places_in_line, wait_of
from measurement.tracks import quality_floor

OWN_STATES = {
    "queued": "Waiting",
    "running": "Running",
    "published": "Published",
    "held": "Held for review",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "withdrawn": "Withdrawn",
}
"""What a list of one's submissions is filtered by: the state of the newest run, or that it is withdrawn."""
SHOWN_FIRST = Case(When(board__scenario=Scenario.OFFLINE, then=0), default=1)
_SCOPE_FIRST = Case(When(board__scope=Scope.ACCELERATOR, then=0), default=1)
_HEAVY = ("phases", "repeats", "recipe__document", "published__document")


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A submission with its newest run.

    entry: of its work on its hardware, offline and accelerator first; None if it has none or is withdrawn. place: the
    entry's line at the default question of its board, None if it has no rank there; entries: how many have one.
    ahead: how many runs will be done before a queued one. waits_for: what a queued one is missing; empty if nothing.
    """

    submission: Submission
    run: Run | None
    entry: Entry | None
    place: RankedEntry | None
    entries: int
    ahead: int | None
    waits_for: str


def own_submissions(
    person: User, *, state: str = "", track: str = "", hardware: str = "", search: str = ""
) -> QuerySet[Submission]:
    """A person's submissions that meet every condition, the newest first; an empty one is no condition.

    state: of OWN_STATES. search: words of the method's title, or the beginning of the recipe's SHA-256.
    """
    found = every_submission().filter(submitter=person).order_by("-created_at", "pk")
    if track:
        found = found.filter(recipe__track=track)
    if hardware:
        found = found.filter(hardware__slug=hardware)
    for word in search.split():
        found = found.filter(Q(recipe__method__title__icontains=word) | Q(recipe__sha256__startswith=word.lower()))
    return _in_state(found, state) if state else found


def _in_state(found: QuerySet[Submission], state: str) -> QuerySet[Submission]:
    if state == "withdrawn":
        return found.filter(withdrawn_at__isnull=False)
    newest = Run.objects.filter(submission=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    asked = Run.objects.filter(pk=OuterRef("newest_run"))
    if state in ("published", "held"):
        asked = asked.filter(state=RunState.SUCCEEDED)
        asked = asked.filter(held_for=[]) if state == "published" else asked.exclude(held_for=[])
    else:
        asked = asked.filter(state=state)
    return found.filter(withdrawn_at=None).annotate(newest_run=Subquery(newest)).filter(Exists(asked))


def own_choices(person: User) -> tuple[list[str], list[tuple[str, str]]]:
    """The tracks of a person's submissions; and their hardware, slug and name."""
    mine = Submission.objects.filter(submitter=person).order_by()
    tracks = mine.values_list("recipe__track", flat=True).distinct()
    hardware = mine.values_list("hardware__slug", "hardware__name").distinct()
    return sorted(tracks), sorted(hardware, key=lambda item: item[1])


def own_lines(shown: Sequence[Submission]) -> list[OwnLine]:
    """The lines of these submissions. As many queries however many they are, once their boards are in memory."""
    newest = Subquery(Run.objects.filter(submission=OuterRef("pk")).order_by("-pk").values("pk")[:1])
    numbers = Submission.objects.filter(pk__in=[found.pk for found in shown]).order_by().values_list(newest)
    current = {run.submission_id: run for run in every_run().with_names().filter(pk__in=numbers)}
    entries = _entries_of([found for found in shown if found.withdrawn_at is None])
    places = _places(entries.values())
    queued = [run for run in current.values() if run.state == RunState.QUEUED]
    live = list(live_workers()) if queued else []
    waits = {
        run: wait_of(run.hardware, run.recipe.track, run.mode, live, revision=run.recipe.revision) for run in queued
    }
    ahead = places_in_line(waits)
    lines = []
    for submission in shown:
        run = current.get(submission.pk)
        entry = entries.get((submission.recipe.work_id, submission.hardware_id))
        entry = entry if submission.withdrawn_at is None else None
        place, ranked = places.get(entry.pk, (None, 0)) if entry is not None else (None, 0)
        wait = waits.get(run) if run is not None else None
        at = ahead.get(run.pk) if run is not None else None
        lines.append(OwnLine(submission, run, entry, place, ranked, at, wait.waits_for if wait else ""))
    return lines


def _entries_of(shown: Sequence[Submission]) -> dict[tuple[int | None, int], Entry]:
    """By work and hardware the entry that comes first."""
    works = {found.recipe.work_id for found in shown}
    hardware = {found.hardware_id for found in shown}
    on_boards = Entry.objects.filter(work__in=works, board__hardware__in=hardware)
    ordered = on_boards.select_related("board__hardware", "recipe__method").defer(*_HEAVY)
    found: dict[tuple[int | None, int], Entry] = {}
    for entry in ordered.order_by(SHOWN_FIRST, _SCOPE_FIRST, "pk"):
        found.setdefault((entry.work_id, entry.board.hardware_id), entry)
    return found


def _places(entries: Any) -> dict[int, tuple[RankedEntry | None, int]]:
    """By entry its line at the default question of its board, and how many entries have a rank there."""
    by_board: dict[Board, list[int]] = {}
    for entry in entries:
        if entry.superseded_by_id is None:
            by_board.setdefault(entry.board, []).append(entry.pk)
    found: dict[int, tuple[RankedEntry | None, int]] = {}
    for board, numbers in by_board.items():
        group = {name: getattr(board, name) for name in ("track", "scenario", "scope")}
        query = LeaderboardQuery(**group, hardware=board.hardware.slug).at_floor_of(quality_floor(board.track))
        ranked = RankedBoard(query, columns_of(board))
        lines = ranked.find(numbers)
        found |= {number: (lines.get(number), ranked.ranked_count) for number in numbers}
    return found


def leaving_with(submission: Submission) -> list[Entry]:
    """The entries that leave their boards if a submission is withdrawn: none while another's results are left."""
    results = every_run().filter(
        recipe__work=submission.recipe.work_id,
        hardware=submission.hardware_id,
        state=RunState.SUCCEEDED,
        held_for=[],
    )
    others = Q(submission=None) | Q(submission__withdrawn_at=None) & ~Q(submission=submission.pk)
    if submission.withdrawn_at is not None or results.filter(others).exists():
        return []
    on_boards = Entry.objects.filter(work=submission.recipe.work_id, board__hardware=submission.hardware_id)
    return list(on_boards.select_related("board__hardware").order_by(SHOWN_FIRST, _SCOPE_FIRST, "pk"))


def coming_back_for(leaving: Sequence[Entry]) -> list[Entry]:
    """The entries of earlier versions that have their place again once these are gone."""
    found = Entry.objects.filter(superseded_by__in=[entry.pk for entry in leaving])
    return list(found.select_related("board__hardware", "recipe__method").defer(*_HEAVY).order_by("pk"))
