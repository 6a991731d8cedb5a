"""Boards, their entries, and a board ranked by a query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from threading import BoundedSemaphore
from typing import overload

import pyarrow as pa
from django.db.models import Q, QuerySet

from leaderboard.domain import ranking
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.energy import one_time_energy_j
from leaderboard.domain.usage_range import RangeAnswer
from leaderboard.models import Board, Claim, Entry, Submission
from leaderboard.queries.columns import Columns
from leaderboard.queries.groups import find_board, last
from leaderboard.queries.placing import Placing, place
from leaderboard.queries.privacy import visible
from leaderboard.queries.store import STORE
from measurement.tracks import quality_floor

LINES_AT_ONCE = 1_000
# So many threads of a process answer from a board at once: more would be no faster, and each holds megabytes.
RANKING = BoundedSemaphore(3)


def entries() -> QuerySet[Entry]:
    """The entries that who reads now may see, with the names that a line shows."""
    found = Entry.objects.filter(visible("board__private_to"))
    return found.select_related("recipe__method", "published__method", "board__hardware", "work")


def find_entry(number: int) -> Entry | None:
    """The entry of a number, with its run; also by a number that it had before it was joined with another."""
    found = entries().select_related("run", "superseded_by__recipe__method")
    found = found.defer("superseded_by__recipe__document", "superseded_by__phases", "superseded_by__repeats")
    return found.filter(pk=number).first() or found.filter(former__number=number).first()


def open_claims(work_id: int | None) -> QuerySet[Claim]:
    """The claims of authorship of a work that no administrator has decided; none if there is no work."""
    return Claim.objects.filter(work=work_id, state="open").select_related("method__submitter")


def entries_of_submission(submission: Submission) -> QuerySet[Entry]:
    """Entries of a submission's work on its hardware, with their runs; none once it is withdrawn."""
    if submission.withdrawn_at is not None:
        return Entry.objects.none()
    found = entries().filter(work=submission.recipe.work_id, board__hardware=submission.hardware_id)
    return found.select_related("run").defer("recipe__document")


def siblings(entry: Entry) -> QuerySet[Entry]:
    """The same on other boards, itself included: a verified result in other scenarios and scopes of its hardware, a
    published model on all hardware."""
    if entry.published is not None:
        return entries().filter(published__method=entry.published.method_id).order_by("board")
    found = entries().filter(
        work=entry.work_id, board__hardware=entry.board.hardware_id, board__track=entry.board.track
    )
    return found.defer("recipe__document").order_by("board__scenario", "board__scope")


def counterpart(entry: Entry) -> Entry | None:
    """The other of a published entry and the verified one that repeats it on the same board; None if there is none.

    Of several verified ones that which has its place, then a full result, then the newest. With its documents.
    """
    on_board = entries().select_related("run").filter(board=entry.board_id)
    if entry.published is not None:
        repeats = on_board.filter(
            source="verified",
            recipe__method__published_model=entry.published.model,
            recipe__document__model__resolution=entry.published.resolution,
        )
        return repeats.order_by(last(~Q(pk=entry.replaced_by_id or 0)), "mode", "-run_id").first()
    if entry.recipe is None or not entry.method.published_model:
        return None
    size = entry.recipe.document["model"]["resolution"]
    return on_board.filter(published__model=entry.method.published_model, published__resolution=size).first()


@dataclass(frozen=True, slots=True)
class RankedEntry:
    """One line: the stored entry, and its place in the reader's ranking.

    `greenness` is per joule, `greenness_percent` in per cent of the greenest that is ranked; None without a value.
    """

    entry: Entry
    place: ranking.Ranked
    one_time_energy_j: float
    metered_share: float
    greenness: float | None
    greenness_percent: float | None


class RankedRows(Sequence[RankedEntry]):
    """The lines of a ranked board, the first rank first, each made when it is read."""

    def __init__(self, placing: Placing) -> None:
        self._placing = placing

    def __len__(self) -> int:
        return len(self._placing)

    @overload
    def __getitem__(self, index: int) -> RankedEntry: ...
    @overload
    def __getitem__(self, index: slice) -> list[RankedEntry]: ...
    def __getitem__(self, index: int | slice) -> RankedEntry | list[RankedEntry]:
        lines = range(len(self))[index]
        return _lines(self._placing, [lines])[0] if isinstance(lines, int) else _lines(self._placing, lines)

    def __iter__(self) -> Iterator[RankedEntry]:
        for start in range(0, len(self), LINES_AT_ONCE):
            yield from self[start : start + LINES_AT_ONCE]


def _lines(placing: Placing, lines: Sequence[int], *, is_shared: bool = False) -> list[RankedEntry]:
    items = placing.order.take(pa.array(lines, pa.uint64()))
    positions = placing.positions.take(items)
    entries = (placing.columns.entries_at_hand if is_shared else placing.columns.entries)(positions)
    made = zip(entries, placing.places(lines), placing.greenness(lines), strict=True)
    return [_row(entry, placed, greenness, placing.query) for entry, placed, greenness in made]


@dataclass(frozen=True)
class RankedBoard:
    """A board's answer to a query. `columns` is None if no board has entries yet."""

    query: LeaderboardQuery
    columns: Columns | None = None

    @property
    def board(self) -> Board | None:
        """The board that answers, as it was when it was read."""
        return self.columns.board if self.columns is not None else None

    @property
    def revision(self) -> int:
        """Raised with every change of the board."""
        return self.board.revision if self.board else 0

    @cached_property
    def placing(self) -> Placing | None:
        """The ranking, column by column."""
        return place(self.columns, self.query) if self.columns is not None else None

    @cached_property
    def rows(self) -> Sequence[RankedEntry]:
        """All lines that pass the query's filters."""
        return RankedRows(self.placing) if self.placing is not None else []

    def lines(self, lines: Sequence[int]) -> list[RankedEntry]:
        """The lines of these numbers (from 0), in the order given."""
        return _lines(self.placing, lines) if self.placing is not None else []

    def shared_lines(self, lines: Sequence[int]) -> list[RankedEntry]:
        """As `lines`, of entries that other readers have too: see `Columns.entries_at_hand`."""
        return _lines(self.placing, lines, is_shared=True) if self.placing is not None else []

    def find(self, entries: Iterable[int]) -> dict[int, RankedEntry]:
        """The lines of the entries of these numbers; without those that the filters exclude."""
        found = [self.placing.line(entry) for entry in entries] if self.placing is not None else []
        return {line.entry.pk: line for line in self.lines([line for line in found if line is not None])}

    @cached_property
    def least_energy(self) -> RankedEntry | None:
        """The line of least energy whatever the order, None if there is none that energy would rank."""
        line = self.placing.least_energy if self.placing is not None else None
        return None if line is None else self.lines([line])[0]

    @property
    def champions(self) -> list[ranking.Champion]:
        """The entry of least energy for each interval of usage."""
        return self.placing.champions if self.placing is not None else []

    def over_range(self, n_from: float, n_to: float) -> RangeAnswer | None:
        """The best choices if N is only known to lie from `n_from` to `n_to` images; None without an entry."""
        return self.placing.over_range(n_from, n_to) if self.placing is not None else None

    @cached_property
    def champion_rows(self) -> dict[int, RankedEntry]:
        """The champions' lines, by entry."""
        return self.find(int(champion.key) for champion in self.champions)

    @property
    def below_floor(self) -> int:
        """How many entries the quality floor alone leaves out."""
        return self.placing.below_floor if self.placing is not None else 0

    @property
    def ranked_count(self) -> int:
        """How many entries have a rank."""
        return len(self.placing.group[0]) if self.placing is not None else 0

    def find_any(self, entry: int) -> RankedEntry | None:
        """The line of an entry; without a rank if it is below the floor, None if another filter excludes it."""
        found = self.find([entry]).get(entry)
        if found is None and self.columns is not None:
            whole = RankedBoard(self.query.on(min_quality=0.0), self.columns).find([entry]).get(entry)
            found = whole and replace(
                whole,
                place=replace(whole.place, rank=None, rank_best=None, rank_worst=None, pareto=False),
                greenness_percent=None,
            )
        return found


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
        device=entry.device,
        gain_u95=entry.gain_u95,
    )


def ranked_board(query: LeaderboardQuery) -> RankedBoard:
    """Find the board and rank its entries at or above the floor in force: the reader's, or its track's.

    One query; two after a change, whatever the number of entries.
    """
    board = find_board(query)
    if board is None:
        return RankedBoard(query)
    return RankedBoard(query.at_floor_of(quality_floor(board.track)), columns_of(board))


def columns_of(board: Board) -> Columns:
    """All entries of a board, column by column, from this process's memory if nothing has changed."""
    return STORE.columns(board)


def off_board(entry: Entry, query: LeaderboardQuery) -> RankedEntry:
    """The line of an entry that is not on its board, because a verified one has its place: without a rank."""
    (placed,) = ranking.rank([candidate(entry)], query.usage_intensity, query.shared_by)
    placed = replace(placed, rank=None, rank_best=None, rank_worst=None, pareto=False)
    return _row(entry, placed, (None, None), query)


def _row(
    entry: Entry,
    placed: ranking.Ranked,
    greenness: tuple[float | None, float | None],
    query: LeaderboardQuery,
) -> RankedEntry:
    metered_j = entry.metered_shared_j / query.shared_by + entry.metered_own_j
    if entry.inference_provenance == "metered":
        metered_j += query.usage_intensity * entry.inference_energy_j
    return RankedEntry(
        entry=entry,
        place=placed,
        one_time_energy_j=one_time_energy_j(entry, query.shared_by),
        metered_share=min(1.0, metered_j / placed.energy_j) if placed.energy_j > 0 else 0.0,
        greenness=greenness[0],
        greenness_percent=greenness[1],
    )
