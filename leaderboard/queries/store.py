"""The boards that this process keeps in memory, each at its latest revision."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from leaderboard.models import Board
from leaderboard.queries.columns import Columns, read_columns

# Some 100 MB of columns. The board last read is kept whatever its size.
MOST_ENTRIES_KEPT = 200_000


class Store:
    """Columns of boards, read again when a board's revision has changed.

    One thread reads a board while others that need it wait: after a change, each process reads it once, however
    many readers come.
    """

    def __init__(self, most_entries: int = MOST_ENTRIES_KEPT) -> None:
        self._most_entries = most_entries
        self._kept: OrderedDict[int, Columns] = OrderedDict()
        self._readers: dict[int, Lock] = {}
        self._lock = Lock()

    def columns(self, board: Board) -> Columns:
        """The columns of `board` at its revision, or at a later one. No query while it has not changed, else one.

        Two for a thread that had to wait for another's reading.
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
        current = Board.objects.select_related("hardware").get(pk=board.pk)
        with self._lock:
            kept = self._fresh(current)
        return self._read(current) if kept is None else kept

    def _read(self, board: Board) -> Columns:
        # The board was read before its entries, so what is kept is never older than its revision.
        columns = read_columns(board)
        with self._lock:
            self._kept[board.pk] = columns
            self._kept.move_to_end(board.pk)
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._most_entries:
                self._kept.popitem(last=False)
        return columns

    def _fresh(self, board: Board) -> Columns | None:
        kept = self._kept.get(board.pk)
        if kept is None or _version(kept.board) != _version(board):
            return None
        self._kept.move_to_end(board.pk)
        return kept


def _version(board: Board) -> tuple[object, ...]:
    # The time and the size too: a restored or replaced database starts its revisions again.
    return board.revision, board.changed_at, board.size


STORE = Store()
