"""Which entries of a board newer versions by the same person have the place of."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import Q

from leaderboard.models import Board, Claim, Entry, Run, Submission
from leaderboard.services.notices import tell_superseded


@dataclass(frozen=True, slots=True)
class _Line:
    """An entry as far as this needs it. `runs`: those that it is the mean of, by their submissions."""

    entry: int
    board: int
    mode: str
    complete: bool
    owner: int | None  # whose names the work has
    runs: tuple[int, ...]


def supersede(board_ids: Collection[int]) -> None:
    """Take the entries off the boards that newer versions supersede, and give back the others. The boards are locked.

    An entry is superseded by that of a later version on its board if all of this holds: the later version's own
    verified result counts there; every result that the older entry is the mean of is by the same person, who has
    given the work its names, and nobody else claims them; a full result is superseded by a full one, and a complete
    one by a complete one. So nobody takes another's line off a board, and a newer version that goes brings the older
    one back.
    """
    found = _superseded(board_ids)
    on_boards = Entry.objects.filter(board__in=board_ids, source="verified")
    shown = on_boards.filter(Q(pk__in=found) | Q(superseded_by__isnull=False))
    for number, before in list(shown.values_list("pk", "superseded_by")):
        if before != (now := found.get(number)):
            Entry.objects.filter(pk=number).update(superseded_by=now)
            if now is not None:
                _tell(number, now)


def _tell(number: int, now: int) -> None:
    """Notify the submitter; a second time, of another board, writes nothing."""
    entries = Entry.objects.select_related("run__submission__submitter", "run__recipe__method").in_bulk([number, now])
    older, newer = entries[number].run, entries[now].run
    if older is not None and newer is not None:
        title = newer.recipe.method.title
        tell_superseded(older, by=newer, reason=f"Your new version “{title}” has its place on the board.")


def _superseded(board_ids: Collection[int]) -> dict[int, int]:
    """By entry the entry that has its place: of several the newest version's."""
    of_boards = Board.objects.filter(pk__in=board_ids)
    newer = Submission.objects.filter(
        version_of__isnull=False,
        withdrawn_at=None,
        submitter__isnull=False,
        hardware__in=of_boards.values("hardware"),
        recipe__track__in=of_boards.values("track"),
    )
    roots = newer.values("first_version")
    fields = ("pk", "submitter", "version_of", "recipe__work", "created_at")
    versions = {
        version["pk"]: version
        for version in Submission.objects.filter(Q(pk__in=roots) | Q(first_version__in=roots)).values(*fields)
    }
    if not versions:
        return {}
    works = {version["recipe__work"] for version in versions.values()}
    lines, people = _lines(board_ids, works)
    claimed = set(Claim.objects.filter(state="open", work__in=works).values_list("work", flat=True))
    edges: list[tuple[datetime, int, int]] = []
    for pk in newer.values_list("pk", flat=True):
        version = versions[pk]
        for board in board_ids:
            mine = lines.get((board, version["recipe__work"]))
            if mine is None or not any(people.get(run, (None, None))[0] == pk for run in mine.runs):
                continue
            for work in _earlier_works(version, versions) - claimed:
                older = lines.get((board, work))
                if older is not None and _has_place_of(mine, older, version["submitter"], people):
                    edges.append((version["created_at"], mine.entry, older.entry))
    return _newest_first(edges)


def _earlier_works(version: dict[str, Any], versions: dict[UUID, dict[str, Any]]) -> set[int]:
    """The works of all versions before this one, without its own."""
    works, before = set(), versions.get(version["version_of"])
    while before is not None:
        works.add(before["recipe__work"])
        before = versions.get(before["version_of"])
    return works - {version["recipe__work"]}


def _has_place_of(newer: _Line, older: _Line, person: int, people: dict[int, tuple[UUID | None, int | None]]) -> bool:
    by_person = older.owner == person and all(people.get(run, (None, None))[1] == person for run in older.runs)
    is_weaker = (newer.mode, older.mode) == ("sampled", "full") or (older.complete and not newer.complete)
    return by_person and not is_weaker


def _newest_first(edges: list[tuple[datetime, int, int]]) -> dict[int, int]:
    """By entry what has its place. Of edges in a circle the oldest is left out, so that one of them stays."""
    found: dict[int, int] = {}
    for _, newer, older in sorted(edges, reverse=True):
        if older not in found and older not in _chain(found, newer):
            found[older] = newer
    return found


def _chain(found: dict[int, int], entry: int) -> Iterator[int]:
    """The entry, what has its place, what has that one's, and so on."""
    here: int | None = entry
    while here is not None:
        yield here
        here = found.get(here)


def _lines(
    board_ids: Collection[int], works: Collection[int]
) -> tuple[dict[tuple[int, int], _Line], dict[int, tuple[UUID | None, int | None]]]:
    """The verified entries of these works by board and work; and of each of their runs submission and submitter."""
    stored = Entry.objects.filter(board__in=board_ids, work__in=works)
    fields = ("pk", "board", "work", "mode", "complete", "run", "repeats", "recipe__method__submitter")
    lines = {
        (entry["board"], entry["work"]): _Line(
            entry["pk"],
            entry["board"],
            entry["mode"],
            entry["complete"],
            entry["recipe__method__submitter"],
            tuple(entry["repeats"].get("runs", (entry["run"],))),
        )
        for entry in stored.values(*fields)
    }
    numbers = set(chain.from_iterable(line.runs for line in lines.values()))
    runs = Run.objects.filter(pk__in=numbers).values_list("pk", "submission", "submission__submitter")
    return lines, {pk: (submission, submitter) for pk, submission, submitter in runs}
