"""What is read of boards: their entries, and a board ranked as a reader asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet

from leaderboard.domain import ranking
from leaderboard.domain.energy import one_time_energy_j
from leaderboard.filters import LeaderboardQuery
from leaderboard.models import Board, Entry, Scenario, Scope, Submission


def boards() -> QuerySet[Board]:
    """Boards that have entries, with their number."""
    return Board.objects.select_related("hardware").annotate(size=Count("entries")).filter(size__gt=0)


def find_board(query: LeaderboardQuery) -> Board | None:
    """The board that answers `query`: what it leaves open goes to offline, accelerator, and the fullest board."""
    found = boards()
    if query.track:
        found = found.filter(track=query.track)
    if query.hardware:
        found = found.filter(hardware__slug=query.hardware)
    found = found.filter(scenario=query.scenario or Scenario.OFFLINE, scope=query.scope or Scope.ACCELERATOR)
    return found.order_by("-size", "pk").first()


def entries() -> QuerySet[Entry]:
    """All entries with the names that a line shows."""
    return Entry.objects.select_related("recipe__method", "board__hardware")


def entries_of(board: Board, query: LeaderboardQuery | None = None) -> QuerySet[Entry]:
    """Entries of one board that pass `query`'s filters (quality floor apart: ranking applies it)."""
    found = entries().filter(board=board).defer("recipe__document")
    if query is None:
        return found
    if query.families:
        found = found.filter(recipe__method__family__in=query.families)
    if query.provenance:
        found = found.filter(provenance__in=query.provenance)
    for word in query.search.split():
        found = found.filter(
            Q(recipe__method__title__icontains=word)
            | Q(recipe__sha256__startswith=word.lower())
            | Q(recipe__document__model__architecture__icontains=word)
        )
    return found


def entries_of_submission(submission: Submission) -> QuerySet[Entry]:
    """What stands on boards for a submission's recipe on its hardware."""
    found = entries().filter(recipe=submission.recipe_id, board__hardware=submission.hardware_id)
    return found.defer("recipe__document")


def siblings(entry: Entry) -> QuerySet[Entry]:
    """The same result on other boards: other scenarios and scopes of the same hardware, itself included."""
    found = entries().filter(
        recipe=entry.recipe_id, board__hardware=entry.board.hardware_id, board__track=entry.board.track
    )
    return found.defer("recipe__document").order_by("board__scenario", "board__scope")


def stored_values(board: Board, fields: tuple[str, ...]) -> QuerySet[Entry, tuple[Any, ...]]:
    """Plain values of all entries of one board, one tuple an entry, in order of entry."""
    return Entry.objects.filter(board=board).order_by("pk").values_list(*fields)


@dataclass(frozen=True, slots=True)
class RankedEntry:
    """One line: the stored entry, and its place in the reader's ranking."""

    entry: Entry
    place: ranking.Ranked
    one_time_energy_j: float
    metered_share: float


@dataclass(frozen=True, slots=True)
class RankedBoard:
    """A board's answer to a query. `board` is None where no board has entries yet."""

    query: LeaderboardQuery
    board: Board | None
    rows: list[RankedEntry] = field(default_factory=list)
    champions: list[ranking.Champion] = field(default_factory=list)
    below_floor: int = 0

    @property
    def revision(self) -> int:
        """Raised with every change of the board."""
        return self.board.revision if self.board else 0


def candidate(entry: Entry) -> ranking.Candidate:
    """What ranking needs of an entry."""
    return ranking.Candidate(
        key=entry.pk,
        shared_energy_j=entry.shared_energy_j,
        own_energy_j=entry.own_energy_j,
        inference_energy_j=entry.inference_energy_j,
        shared_u95_j=entry.shared_u95_j,
        own_u95_j=entry.own_u95_j,
        inference_u95_j=entry.inference_u95_j,
        quality=entry.quality,
        complete=entry.complete,
    )


def ranked_board(query: LeaderboardQuery) -> RankedBoard:
    """Find the board, rank its entries. Two queries, whatever the number of entries."""
    board = find_board(query)
    if board is None:
        return RankedBoard(query, None)
    found = {entry.pk: entry for entry in entries_of(board, query)}
    candidates = [candidate(entry) for entry in found.values()]
    places = ranking.rank(
        candidates,
        query.usage_intensity,
        shared_by=query.shared_by,
        min_quality=query.min_quality,
        include_incomplete=query.include_incomplete,
        order_by=query.order_by,
    )
    rows = [_row(found[place.key], place, query) for place in places]
    champions = ranking.champions(candidates, shared_by=query.shared_by, min_quality=query.min_quality)
    return RankedBoard(query, board, rows, champions, below_floor=len(found) - len(rows))


def _row(entry: Entry, place: ranking.Ranked, query: LeaderboardQuery) -> RankedEntry:
    metered_j = entry.metered_shared_j / query.shared_by + entry.metered_own_j
    if entry.inference_provenance == "metered":
        metered_j += query.usage_intensity * entry.inference_energy_j
    return RankedEntry(
        entry=entry,
        place=place,
        one_time_energy_j=one_time_energy_j(entry, query.shared_by),
        metered_share=min(1.0, metered_j / place.energy_j) if place.energy_j > 0 else 0.0,
    )
