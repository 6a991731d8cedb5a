"""What a nightly audit may measure again, and what it has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta

from django.db.models import Count, Q
from django.db.models.functions import Now

from leaderboard import routing
from leaderboard.domain.audits import LEAST_AGE_DAYS, Auditable
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.runstate import ACTIVE
from leaderboard.models import AuditNight, Entry, Run
from leaderboard.queries.boards import RankedBoard, columns_of
from leaderboard.queries.groups import boards
from leaderboard.queries.runs import live_workers
from measurement.tracks import quality_floor

Tracks = frozenset[str] | None


def was_audited(day: date) -> bool:
    """Whether the audits of a day have been chosen."""
    return AuditNight.objects.filter(day=day).exists()


def waiting_audits() -> dict[int, int]:
    """How many audits each hardware has queued or running."""
    waiting = Run.objects.filter(is_audit=True, state__in=ACTIVE).order_by().values("hardware")
    return dict(waiting.annotate(number=Count("pk")).values_list("hardware", "number"))


def auditable() -> list[Auditable]:
    """The works that an audit could measure now.

    Those with a verified entry on a hardware that has a worker in service with their data, that nobody has asked a
    run of lately.
    """
    ready = _ready_workers()
    lately = Q(state__in=ACTIVE) | Q(queued_at__gte=Now() - timedelta(days=LEAST_AGE_DAYS))
    recent = set(Run.objects.filter(lately, hardware__in=ready).values_list("recipe__work", "hardware").distinct())
    found: dict[tuple[int, int], Auditable] = {}
    for one in _entries_on_boards(ready):
        key = (one.work, one.hardware)
        known = found.get(key)
        if key in recent or (known is not None and _urgency(known) >= _urgency(one)):
            continue
        found[key] = one
    return list(found.values())


def _urgency(one: Auditable) -> tuple[bool, float]:
    return one.is_open, one.relative_u95


def _ready_workers() -> dict[int, list[Tracks]]:
    """The tracks of each worker that takes runs now, by hardware."""
    in_service = live_workers().filter(out_of_service="", paused_for="", drifted_for="", hardware__paused_for="")
    ready: dict[int, list[Tracks]] = {}
    for worker in in_service:
        ready.setdefault(worker.hardware_id, []).append(routing.tracks_in(worker.diagnosis))
    return ready


def _entries_on_boards(ready: dict[int, list[Tracks]]) -> Iterator[Auditable]:
    """One an entry, with the rank interval that its board opens with."""
    for board in boards().filter(hardware__in=ready, verified_size__gt=0).order_by("pk"):
        columns = columns_of(board)
        ranked = RankedBoard(LeaderboardQuery().at_floor_of(quality_floor(board.track)), columns)
        verified = Entry.objects.filter(Entry.ON_BOARD, board=board, source="verified")
        placed = {}
        if ranked.placing is not None:
            lines = ranked.placing.places(range(len(ranked.placing)))
            placed = {place.key: place for place in lines}
        for number, work, results, mode in verified.values_list("pk", "work", "results", "mode"):
            if not _can_be_done(board.track, mode, ready[board.hardware_id]):
                continue
            place = placed.get(number)
            has_interval = place is not None and place.u95_j is not None and place.energy_j > 0
            yield Auditable(
                work,
                board.hardware_id,
                results,
                place.u95_j / place.energy_j if place and has_interval and place.u95_j else 0.0,
                is_open=place is not None and place.rank_best != place.rank_worst,
            )


def _can_be_done(track: str, mode: str, workers: Collection[Tracks]) -> bool:
    return not routing.needs_data(track, mode) or any(tracks is None or track in tracks for tracks in workers)
