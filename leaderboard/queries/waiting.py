"""What a run waits for: a worker that can do it, and the runs before it that such a worker does first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F, Max, Min, Q

from leaderboard import routing
from leaderboard.domain.runstate import RunState
from leaderboard.models import Hardware, Priority, Run, Worker
from leaderboard.queries.runs import every_run, live_workers
from measurement.recipe.revision import REVISION

Tracks = frozenset[str] | None
LINES_AT_ONCE = 5_000
TOO_OLD = "is of an earlier version that can't run this recipe"


@dataclass(frozen=True, slots=True)
class Fitness:
    """A live worker, and why it can't do a run at the moment; empty if it can. has_data: None if it never said."""

    worker: Worker
    has_data: bool | None
    why_not: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The live workers of a hardware, and what a run there waits for: a worker; empty if one can do it.

    elsewhere: if none can, other hardware with a worker that can.
    """

    workers: tuple[Fitness, ...]
    waits_for: str
    elsewhere: tuple[Hardware, ...] = ()

    @property
    def elsewhere_in_words(self) -> str:
        """Names of the other hardware: "A, B or C"; empty if there is none."""
        *most, last = [hardware.name for hardware in self.elsewhere] or [""]
        return f"{', '.join(most)} or {last}" if most else last

    @property
    def able(self) -> list[Worker]:
        """The workers that can do it now."""
        return [found.worker for found in self.workers if not found.why_not]


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a run in the line: how many come before it, and how many its workers are doing."""

    ahead: int
    running: int


def wait_of(
    hardware: Hardware, track: str, mode: str, live: Sequence[Worker] | None = None, *, revision: int = REVISION
) -> Wait:
    """What a run of a track, in full or sampled, would wait for on a hardware.

    live: all live workers, if known. revision: of the recipe.
    """
    live = list(live_workers()) if live is None else live
    fit = tuple(_fitness(worker, track, mode, revision) for worker in live if worker.hardware_id == hardware.pk)
    waits_for = _missing(hardware, track, fit)
    if not waits_for:
        return Wait(fit, waits_for)
    others = {
        worker.hardware_id: worker.hardware
        for worker in live
        if worker.hardware_id != hardware.pk
        and not worker.hardware.paused_for
        and not _fitness(worker, track, mode, revision).why_not
    }
    return Wait(fit, waits_for, tuple(sorted(others.values(), key=lambda found: found.name)))


def wait_of_run(run: Run | None) -> Wait | None:
    """What a queued run waits for; None of one that is not queued."""
    if run is None or run.state != RunState.QUEUED:
        return None
    return wait_of(run.hardware, run.recipe.track, run.mode, revision=run.recipe.revision)


def waits_for(run: Run | None) -> str:
    """Which worker a queued run is missing, in words; empty if a live worker can do it."""
    wait = wait_of_run(run)
    return wait.waits_for if wait else ""


def ahead_in_queue(run: Run, able: list[Worker] | None = None) -> int:
    """How many runs the workers that can do this one will do before it. What none of them can do is no delay.

    able: those workers, if they are known.
    """
    same_turn = Q(priority=run.priority, turn=run.turn, queued_at__lt=run.queued_at)
    before = _before(run.priority, run.turn) | same_turn
    if able is None:
        able = wait_of(run.hardware, run.recipe.track, run.mode, revision=run.recipe.revision).able
    return every_run().queued().filter(before & _doable_by(able), hardware=run.hardware_id).count()


def places_in_line(waits: Mapping[Run, Wait]) -> dict[int, int]:
    """The same of several queued runs by their numbers, given what each waits for. One query, none without runs."""
    if not waits:
        return {}
    lines = every_run().queued().filter(hardware__in={run.hardware_id for run in waits}).order_by(*routing.LINE)
    wanted = {run.pk: _tracks_of(wait.able) for run, wait in waits.items()}
    kinds = {(run.hardware_id, wanted[run.pk]) for run in waits}
    before: Counter[tuple[int, Tracks]] = Counter()
    found: dict[int, int] = {}
    # Without dates: the database has put them in order, and reading 20,000 of them would take longer than that.
    columns = lines.values_list("pk", "hardware", "recipe__track", "mode")
    for number, hardware, track, mode in columns.iterator(chunk_size=LINES_AT_ONCE):
        if number in wanted:
            found[number] = before[hardware, wanted[number]]
            if len(found) == len(wanted):
                break
        for kind in kinds:
            if kind[0] == hardware and _is_doable(kind[1], track, mode):
                before[kind] += 1
    return found


def _tracks_of(able: Iterable[Worker]) -> Tracks:
    """The tracks that any of the workers has the data of; None if one never said, or without a worker."""
    reported = [routing.tracks_in(worker.diagnosis) for worker in able]
    known = [tracks for tracks in reported if tracks is not None]
    return frozenset().union(*known) if known and len(known) == len(reported) else None


def _is_doable(tracks: Tracks, track: str, mode: str) -> bool:
    return tracks is None or track in tracks or not routing.needs_data(track, mode)


def place_of_new(hardware: Hardware, user: User | None, able: list[Worker]) -> Place:
    """The place of a run that a person would ask for now. able: the workers that can do it."""
    waiting = Run.objects.filter(hardware=hardware, priority=Priority.NEW, state=RunState.QUEUED)
    turns = waiting.aggregate(first=Min("turn"), own=Max("turn", filter=Q(requested_by=user)))
    turn = max(turns["first"] or 0, -1 if turns["own"] is None else turns["own"] + 1)
    before = _before(Priority.NEW, turn) | Q(priority=Priority.NEW, turn=turn)
    names = [worker.name for worker in able]
    running = Run.objects.filter(
        hardware=hardware, state=RunState.RUNNING, attempts__number=F("attempt"), attempts__worker__in=names
    )
    ahead = every_run().queued().filter(before & _doable_by(able), hardware=hardware)
    return Place(ahead.count(), running.count())


def _before(priority: int, turn: int) -> Q:
    return Q(priority__lt=priority) | Q(priority=priority, turn__lt=turn)


def _doable_by(workers: Iterable[Worker]) -> Q:
    """Runs that any of the workers can do; all without a worker, since it is not known which one will come."""
    able: Q | None = None
    for worker in workers:
        doable = routing.doable_by(worker.diagnosis)
        if not doable:
            return Q()
        able = doable if able is None else able | doable
    return able if able is not None else Q()


def _fitness(worker: Worker, track: str, mode: str, revision: int) -> Fitness:
    tracks = routing.tracks_in(worker.diagnosis)
    has_data = None if tracks is None else not routing.needs_data(track, mode) or track in tracks
    if has_data is False:
        return Fitness(worker, has_data, f"has no data of track {track}{_what_it_lacks(worker.diagnosis, track)}")
    runs_up_to = routing.revision_in(worker.diagnosis)
    if runs_up_to is not None and runs_up_to < revision:
        return Fitness(worker, has_data, f"{TOO_OLD}: update it")
    if worker.out_of_service:
        return Fitness(worker, has_data, f"is out of service ({worker.out_of_service})")
    if worker.paused_for:
        return Fitness(worker, has_data, f"is paused ({worker.paused_for})")
    return Fitness(worker, has_data, "")


def _what_it_lacks(diagnosis: dict[str, Any], track: str) -> str:
    found: dict[str, Any] = next((line for line in diagnosis.get("tracks", ()) if line.get("slug") == track), {})
    lacks = found.get("lacks") or ", ".join(found.get("missing_packages") or ())
    return f" ({lacks})" if lacks else ""


def _missing(hardware: Hardware, track: str, fit: tuple[Fitness, ...]) -> str:
    if hardware.paused_for:
        return f"this hardware is paused ({hardware.paused_for})"
    if not fit:
        return "no worker for this hardware is live"
    with_data = [found for found in fit if found.has_data is not False]
    if not with_data:
        return f"no live worker of this hardware has the data of track {track}"
    if any(not found.why_not for found in with_data):
        return ""
    return _why_none(with_data)


def _why_none(with_data: list[Fitness]) -> str:
    """Why of live workers that have the data none can do it."""
    new_enough = [found for found in with_data if not found.why_not.startswith(TOO_OLD)]
    if not new_enough:
        return "every live worker that has its data is of an earlier version, which can't run this recipe"
    first = new_enough[0].worker
    if first.out_of_service:
        return f"every live worker that can do it is out of service ({first.out_of_service})"
    return f"every live worker that can do it is paused ({first.paused_for})"
