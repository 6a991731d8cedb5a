"""What an import of another site's results compares, stores and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from django.contrib.auth import get_user_model
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management.color import no_style
from django.db import connection, models

from leaderboard.models import Attempt, PhaseEnergy, PublishedResult, ThinnedTrace
from leaderboard.services.refusal import Refused
from leaderboard.services.thinned_files import said_by, sha256_of_file
from leaderboard.transfer.folder import BadFolder, Checked
from leaderboard.transfer.lines import FIELDS, Line, from_line

NOTHING_IMPORTED = "nothing was imported, because an import overwrites no result: import into another site"
ROWS_AT_ONCE = 500


@dataclass(slots=True)
class Arrived:
    """How many of each kind an import added, and how many were there.

    Of entries with another result of the same recipe here: how many were replaced by a full one, and how many stayed.
    """

    added: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    replaced: int = 0
    stayed: int = 0


class Lookup(dict[Any, int]):
    """Our ids by the names that lines give. Raises BadFolder for one that no line has."""

    def __init__(self, kind: str, known: dict[Any, int] | None = None) -> None:
        super().__init__(known or {})
        self._kind = kind

    def __missing__(self, name: Any) -> int:
        raise BadFolder(f"{self._kind}.jsonl: lacks {name!r}, which another file names; export it again")


def check_same(what: str, found: models.Model, values: Line, fields: Iterable[str]) -> None:
    """Raise Refused if what is stored differs from what arrives in any of `fields`."""
    for name in fields:
        here = getattr(found, name)
        if here != values[name]:
            raise Refused(
                name,
                f"{what} differs: {name} is {_short(values[name])} there and {_short(here)} here; {NOTHING_IMPORTED}",
            )


def _short(value: Any) -> str:
    text = value.isoformat() if hasattr(value, "isoformat") else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def store(rows: list[Any]) -> None:
    """Insert rows, which keep the time of their making."""
    if rows:
        type(rows[0])._default_manager.bulk_create(rows, batch_size=ROWS_AT_ONCE)


def user_ids(lines: list[Line], name: str) -> dict[str | None, int]:
    """The users of this site whom the lines name; the others are left out."""
    names = {line[name] for line in lines} - {None}
    return dict(get_user_model()._default_manager.filter(username__in=names).values_list("username", "pk"))


def reset_sequences(models_: Iterable[type[models.Model]]) -> None:
    """Let PostgreSQL continue after the numbers that were kept; SQLite does by itself."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(models_)):
            cursor.execute(statement)


class TraceFiles:
    """Copies traces into the site's storage; those copied are removed if the block fails, since no row names them."""

    def __init__(self, folder: Checked) -> None:
        self._folder = folder
        self._copied: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            for name in self._copied:
                default_storage.delete(name)

    def copy(self, name: str) -> str:
        """The name under which it is stored here, which differs if that name was taken."""
        self._folder.sha256(name)  # it is listed, so it was checked
        with (self._folder.path / name).open("rb") as file:
            stored = default_storage.save(name, File(file))
        self._copied.append(stored)
        return stored

    def is_same(self, name: str, stored: str) -> bool:
        """Whether the folder's trace is what is stored here; each may have been thinned. True if that was lost."""
        if not default_storage.exists(stored):
            return True
        with default_storage.open(stored, "rb") as file:
            here = said_by(file)
            file.seek(0)
            sha256 = here["sha256"] if here else sha256_of_file(file)
        there = self.thinned(name)
        return sha256 == (there["sha256"] if there else self._folder.sha256(name))

    def thinned(self, name: str) -> dict[str, Any] | None:
        """What the folder's trace says of itself, if it was thinned."""
        with (self._folder.path / name).open("rb") as file:
            return said_by(file)


def attempts_arrive(lines: list[Line], runs: Lookup, traces: TraceFiles, arrived: Arrived) -> None:
    """Store attempts with their phases and traces. Refused if one is there with other figures or another trace."""
    ids = [runs[line["run"]] for line in lines]
    stored = Attempt.objects.filter(run__in=set(ids)).prefetch_related("phases")
    there = {(attempt.run_id, attempt.number): attempt for attempt in stored}
    new: list[tuple[Attempt, list[Line]]] = []
    for run, line in zip(ids, lines, strict=True):
        values = from_line(Attempt, line)
        phases = [from_line(PhaseEnergy, phase) for phase in line["phases"]]
        found = there.get((run, values["number"]))
        if found is not None:
            _check_attempt(found, values, phases, line, traces)
            arrived.there["attempts"] += 1
            continue
        trace = traces.copy(line["trace"]) if line["trace"] else ""
        new.append((Attempt(run_id=run, trace=trace, **values), phases))
    store([attempt for attempt, _ in new])
    _thinned_arrive([attempt for attempt, _ in new])
    store([PhaseEnergy(attempt=attempt, **phase) for attempt, phases in new for phase in phases])
    arrived.added["attempts"] += len(new)


def _thinned_arrive(attempts: list[Attempt]) -> None:
    """That a trace was thinned elsewhere, which its file says."""
    rows = []
    for attempt in attempts:
        if attempt.trace:
            with attempt.trace.open("rb") as file:
                if said := said_by(file):
                    name, sha256_before = str(attempt.trace.name), said.pop("sha256")
                    rows.append(ThinnedTrace(attempt=attempt, file=name, sha256_before=sha256_before, **said))
    store(rows)


def _check_attempt(found: Attempt, values: Line, phases: list[Line], line: Line, traces: TraceFiles) -> None:
    what = f"attempt {found.number} of run {line['run']} of the folder (here run {found.run_id})"
    check_same(what, found, values, FIELDS[Attempt])
    here = {(phase.position, phase.scope): phase for phase in found.phases.all()}
    if set(here) != {(phase["position"], phase["scope"]) for phase in phases}:
        raise Refused("phases", f"{what} has other phases here; {NOTHING_IMPORTED}")
    for phase in phases:
        name = f"phase {phase['position']} ({phase['phase']}, {phase['scope']}) of {what}"
        check_same(name, here[phase["position"], phase["scope"]], phase, FIELDS[PhaseEnergy])
    if line["trace"] and found.trace and not traces.is_same(line["trace"], str(found.trace.name)):
        raise Refused("trace", f"{what} has another power trace here; {NOTHING_IMPORTED}")


def published_there(lines: list[Line], boards: Lookup) -> list[PublishedResult | None]:
    """For each line the same figures here: imported with them, or from the same catalogue at another time.

    Refused if other figures are current here.
    """
    models_ = [line["model"] for line in lines]
    same = PublishedResult.objects.filter(board__in={boards[line["board"]] for line in lines}, model__in=models_)
    rows: dict[tuple[Any, ...], list[PublishedResult]] = {}
    for row in same.defer("document"):
        rows.setdefault((row.board_id, row.model, row.resolution), []).append(row)
    found = []
    for line in lines:
        values = from_line(PublishedResult, line)
        key = (boards[line["board"]], values["model"], values["resolution"])
        found.append(_same_figures(rows.get(key, []), values))
    return found


def _same_figures(rows: list[PublishedResult], values: Line) -> PublishedResult | None:
    what = f"the published result of {values['model']} at {values['resolution']} px"
    for row in rows:
        if (row.digest, row.imported_at) == (values["digest"], values["imported_at"]):
            check_same(what, row, values, ("left_at", "taken_down_at"))
            return row
    current = next((row for row in rows if row.left_at is None), None)
    if values["left_at"] is not None or current is None:
        return None
    check_same(what, current, values, ("digest", "taken_down_at"))
    return current
