"""Entries that were made from columns, at hand in this process for all readers, whatever board they are of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from leaderboard.models import Entry

MOST_AT_HAND = 2_000
"""Entries, some 6 kB each."""

Key = tuple[int, int]
"""The number of the columns, and the position in them."""


class EntriesAtHand:
    """The entries that were asked for last. Those of columns that are gone are asked for no more, and go too."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[Key, Entry] = OrderedDict()

    def find(self, keys: Iterable[Key]) -> dict[Key, Entry]:
        """Those that are there."""
        found = {}
        with self._lock:
            for key in keys:
                if (entry := self._kept.get(key)) is not None:
                    self._kept.move_to_end(key)
                    found[key] = entry
        return found

    def keep(self, entries: dict[Key, Entry]) -> None:
        """These, and as many of the others as there is room for."""
        with self._lock:
            self._kept |= entries
            while len(self._kept) > MOST_AT_HAND:
                self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)
