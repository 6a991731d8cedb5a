"""Rank intervals: how many entries lie surely below another, and how many not surely above.

`static/leaderboard/intervals.js` mirrors this file.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Protocol


class Measured(Protocol):
    """A ranked entry: its value with its uncertainty, and with that of its device's gain too."""

    value: float
    value_u95: float
    wide_u95: float

    @property
    def device(self) -> str:
        """What it was measured on."""
        ...


class _Ends:
    """The ends of intervals, sorted: how many lie surely below another, and how many not surely above."""

    def __init__(self, middles: Iterable[tuple[float, float]]) -> None:
        listed = list(middles)
        self.lows = sorted(value - u95 for value, u95 in listed)
        self.highs = sorted(value + u95 for value, u95 in listed)

    def below(self, value: float, u95: float) -> int:
        """How many lie surely below."""
        return bisect_left(self.highs, value - u95)

    def not_above(self, value: float, u95: float) -> int:
        """How many are not surely above."""
        return bisect_right(self.lows, value + u95)


class Intervals:
    """Rank intervals of entries: of one device without its gain error, of different ones with that of both."""

    def __init__(self, ranked: Sequence[Measured]) -> None:
        of_device: dict[str, list[Measured]] = {}
        for s in ranked:
            of_device.setdefault(s.device, []).append(s)
        self.narrow = {name: _Ends((s.value, s.value_u95) for s in group) for name, group in of_device.items()}
        # Of one device there are no others.
        self.wide = {name: _Ends((s.value, s.wide_u95) for s in group) for name, group in of_device.items()}
        self.all = _Ends((s.value, s.wide_u95) for s in ranked) if len(of_device) > 1 else None

    def ranks(self, s: Measured) -> tuple[int, int]:
        """The best and the worst rank of an entry of known uncertainty."""
        narrow = self.narrow[s.device]
        below, not_above = narrow.below(s.value, s.value_u95), narrow.not_above(s.value, s.value_u95)
        if self.all is not None:
            wide = self.wide[s.device]
            below += self.all.below(s.value, s.wide_u95) - wide.below(s.value, s.wide_u95)
            not_above += self.all.not_above(s.value, s.wide_u95) - wide.not_above(s.value, s.wide_u95)
        return 1 + below, not_above
