"""The boards that this process keeps in memory, each at its latest revision."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from leaderboard.models import Board
from leaderboard.queries import shared
from leaderboard.queries.columns import SCHEMA, Columns, read_columns

# Some 100 MB of columns. The board last read is kept whatever its size.
MOST_ENTRIES_KEPT = 200_000


class Store:
    """Columns of boards, read again when a board's revision has changed.

    One thread reads a board while others that need it wait, and one process of a machine: after a change it is read
    once, however many readers come.
    """

    def __init__(self, most_entries: int = MOST_ENTRIES_KEPT) -> None:
        self._most_entries = most_entries
        self._kept: OrderedDict[int, Columns] = OrderedDict()
        self._readers: dict[int, Lock] = {}
        self._lock = Lock()

    def columns(self, board: Board) -> Columns:
        """The columns of `board` at its revision, or at a later one.

        No query while it has not changed, and if another process has read it. Else two, and one in a transaction; one
        more for a thread that had to wait for another's reading.
        """
        with self._lock:
            kept = self._fresh(board)
            reader = self._readers.setdefault(board.pk, Lock())
        if kept is not None:
            return kept
        waited = not reader.acquire(blocking=False)
        if waited:
            reader.acquire()
        try:
            return self._after_waiting(board) if waited else self._read(board)
        finally:
            reader.release()

    def _after_waiting(self, board: Board) -> Columns:
        current = _current(board)
        with self._lock:
            kept = self._fresh(current)
        return self._read(current) if kept is None else kept

    def _read(self, board: Board) -> Columns:
        columns = _taken(board) if shared.can_share() else read_columns(board)
        with self._lock:
            self._kept[board.pk] = columns
            self._kept.move_to_end(board.pk)
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._most_entries:
                self._kept.popitem(last=False)
        return columns

    def _fresh(self, board: Board) -> Columns | None:
        kept = self._kept.get(board.pk)
        if kept is None or shared.version_of(kept.board) != shared.version_of(board):
            return None
        self._kept.move_to_end(board.pk)
        return kept


def _taken(board: Board) -> Columns:
    """What a process of this machine has read; read here, for all of them, if none has."""
    found = shared.find_arrays(board, SCHEMA)
    if found is not None:
        return Columns(board, found)
    with shared.turn(board) as is_mine:
        # A later one may have been read since. Always before the entries: they are never older than its revision.
        current = _current(board)
        found = shared.find_arrays(current, SCHEMA)
        if found is None:
            found = read_columns(current).arrays
            if is_mine:
                found = shared.keep_arrays(current, found, SCHEMA)
        return Columns(current, found)


def _current(board: Board) -> Board:
    return Board.objects.select_related("hardware").get(pk=board.pk)


STORE = Store()
