"""Everything that is read from the database, by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.db.models.fields.files import FieldFile
from django.utils import timezone

from leaderboard.domain import ranking
from leaderboard.domain.energy import one_time_energy_j
from leaderboard.domain.runstate import ACTIVE, RunState
from leaderboard.filters import LeaderboardQuery
from leaderboard.models import (
    Attempt,
    Board,
    Entry,
    Hardware,
    PhaseEnergy,
    Run,
    Scenario,
    Scope,
    Submission,
    Worker,
)

WORKER_SILENT_AFTER = timedelta(seconds=60)


class RunQuerySet(QuerySet[Run]):
    """Runs."""

    def queued(self) -> RunQuerySet:
        """Waiting for a worker, the longest waiting first."""
        return self.filter(state=RunState.QUEUED).order_by("queued_at", "pk")

    def active(self) -> RunQuerySet:
        """Waiting or running."""
        return self.filter(state__in=ACTIVE)

    def expired(self, now: datetime) -> RunQuerySet:
        """Running, but their worker has let the lease run out."""
        return self.filter(state=RunState.RUNNING, lease_expires_at__lt=now)

    def due_for_a_ring(self, now: datetime) -> RunQuerySet:
        """Queued, and not announced to the broker for a minute."""
        return self.queued().filter(Q(rung_at__isnull=True) | Q(rung_at__lt=now - timedelta(seconds=60)))

    def with_names(self) -> RunQuerySet:
        """With all that a line of a list shows."""
        return self.select_related("recipe__method", "hardware", "submission")


def runs() -> RunQuerySet:
    """All runs."""
    return RunQuerySet(Run)


def queue() -> RunQuerySet:
    """What runs and what waits, in the order in which it will be done."""
    return runs().active().with_names().order_by("-state", "queued_at", "pk")


def recent_runs(limit: int = 20) -> RunQuerySet:
    """The runs that ended last."""
    return runs().exclude(state__in=ACTIVE).with_names().order_by("-finished_at")[:limit]


def submissions() -> QuerySet[Submission]:
    """All submissions with what their pages show."""
    return Submission.objects.select_related("recipe__method", "hardware", "submitter")


def current_run(submission: Submission) -> Run | None:
    """The newest run of a submission's recipe on its hardware."""
    return (
        runs()
        .filter(recipe=submission.recipe_id, hardware=submission.hardware_id)
        .with_names()
        .order_by("-pk")
        .first()
    )


def phases_of(run: Run) -> QuerySet[PhaseEnergy]:
    """What the current attempt of a run measured, in order."""
    return PhaseEnergy.objects.filter(attempt__run=run, attempt__number=run.attempt).order_by("position", "scope")


def trace_of(run: Run) -> FieldFile | None:
    """The stored power trace of a run's current attempt, None where it left none."""
    attempt = Attempt.objects.filter(run=run, number=run.attempt).only("trace").first()
    return attempt.trace if attempt and attempt.trace else None


def record_of(run: Run) -> dict[str, Any] | None:
    """The record that a run's current attempt left, as its worker wrote it; None where it left none."""
    return Attempt.objects.filter(run=run, number=run.attempt).values_list("record", flat=True).first()


def workers() -> QuerySet[Worker]:
    """All workers that ever reported."""
    return Worker.objects.select_related("hardware")


def live_workers() -> QuerySet[Worker]:
    """Workers heard of within the last minute."""
    return workers().filter(seen_at__gte=timezone.now() - WORKER_SILENT_AFTER)


def hardware_choices() -> QuerySet[Hardware]:
    """Hardware that a submission may ask for."""
    return Hardware.objects.annotate(
        live_workers=Count("workers", filter=Q(workers__seen_at__gte=timezone.now() - WORKER_SILENT_AFTER))
    )


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


def filter_options(board: Board | None) -> dict[str, list[tuple[str, str]]]:
    """The tracks and hardware that have boards, as (value, label), for the page's menus."""
    known = list(Board.objects.filter(entries__isnull=False).select_related("hardware").distinct())
    from measurement.tracks import TRACKS

    tracks = sorted({item.track for item in known})
    hardware = {item.hardware.slug: item.hardware.name for item in known if not board or item.track == board.track}
    return {
        "track": [(slug, TRACKS[slug].title if slug in TRACKS else slug) for slug in tracks],
        "hardware": sorted(hardware.items(), key=lambda pair: pair[1]),
    }


def is_empty() -> bool:
    """Whether nothing was ever submitted."""
    return not Submission.objects.exists() and not Run.objects.exists()


def newest_change(boards_shown: Iterable[Board]) -> datetime | None:
    """When any of these boards last changed."""
    return Board.objects.filter(pk__in=[board.pk for board in boards_shown]).aggregate(at=Max("changed_at"))["at"]


def run_is_mine(run: Run, user_id: int | None) -> bool:
    """Whether `user_id` submitted what this run verifies."""
    return user_id is not None and run.submission is not None and run.submission.submitter_id == user_id
