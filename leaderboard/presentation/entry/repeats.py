"""What an entry says of its several results: where each ± is from, what each run weighs, and which lie far off."""

from __future__ import annotations

from dataclasses import dataclass

from leaderboard.domain.repeats import FEW, Basis, Pool, Repeats, Width, outliers, width
from leaderboard.models import Entry
from leaderboard.presentation.format import SPACE, fixed, relative

QUANTITIES = {
    "shared": ("Search and pre-training", "one-time energy that deployments share"),
    "own": ("Other one-time phases", "one-time energy"),
    "inference": ("Per image", "energy per image"),
}
"""Quantities of an entry that have an uncertainty of their own: in a table, and in a sentence."""
QUANTITY_CHOICES = [(name, name) for name in QUANTITIES]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """One quantity's uncertainty and what it is from. `works`: that the pool is of, else the others; None without."""

    of: str
    width: Width
    repeats: Repeats
    works: int | None

    @property
    def name(self) -> str:
        """The quantity in words."""
        return QUANTITIES[self.of][0]

    @property
    def u95(self) -> str:
        """Relative to the mean: "± 2.1 %"."""
        return relative(self.width.u95_j, self.repeats.mean_j)

    @property
    def spread(self) -> str:
        """The relative standard deviation that was used, empty without one."""
        deviation = self.width.relative_deviation
        return "" if deviation is None else per_cent(deviation)

    @property
    def origin(self) -> str:
        """Where the spread is from, in words."""
        results, readings_j = self.repeats.count, self.repeats.within_u95_j
        if self.width.basis == Basis.WITHIN:
            return "this one run: how far such runs are apart is not known"
        if self.width.u95_j == readings_j:
            return "the readings inside its runs, which scatter more than the runs do"
        if self.width.basis == Basis.POOLED:
            return f"all {self.works} works of this board that were run more than once, pooled"
        if self.works and results < FEW:
            return f"its own {results} results, which scatter more than those of the other works"
        return f"its own {results} results"


def uncertainties(entry: Entry) -> list[Uncertainty]:
    """Of each measured quantity of a verified entry."""
    found = []
    for name, (repeats, pool) in _repeats(entry).items():
        others = pool.without(repeats).works
        made = width(repeats, pool)
        works = pool.works if made.basis == Basis.POOLED else others or None
        found.append(Uncertainty(name, made, repeats, works))
    return found


def reproduced(entry: Entry) -> str:
    """How often the first result was, and the widest spread of any quantity: "4 times, spread 1.8 %"."""
    number = entry.results - 1
    found = [repeats.relative_deviation for repeats, _ in _repeats(entry).values()]
    spread = max((deviation for deviation in found if deviation is not None), default=None)
    times = "once" if number == 1 else f"{number} times"
    return times if spread is None else f"{times}, spread {per_cent(spread)}"


def outlying(entry: Entry) -> dict[int, dict[str, str]]:
    """The runs that lie far from the others, by the other works' spread: run -> quantity -> how far, in words."""
    found: dict[int, dict[str, str]] = {}
    for name, (repeats, pool) in _repeats(entry).items():
        for position, far in outliers(repeats, pool).items():
            side = "above" if far.relative_deviation > 0 else "below"
            spread = pool.without(repeats).relative_deviation or 0.0
            found.setdefault(entry.repeats["runs"][position], {})[name] = (
                f"{QUANTITIES[name][1]} {per_cent(abs(far.relative_deviation))} {side} the median of its runs, "
                f"{fixed(far.distance, 1)} standard deviations: runs of other works scatter by {per_cent(spread)}. "
                "It counts all the same"
            )
    return found


def per_cent(value: float) -> str:
    """A relative deviation, given as a fraction: "1.8 %", "12 %"."""
    return f"{fixed(value * 100, 1 if value < 0.1 else 0)}{SPACE}%"


def _repeats(entry: Entry) -> dict[str, tuple[Repeats, Pool]]:
    """The measured quantities of an entry, each with the pool of its board."""
    stored = ((name, entry.repeats.get(name)) for name in QUANTITIES)
    pools = entry.board.pools
    empty = Pool.of(())
    return {
        name: (Repeats.read(found), Pool(**pools[name]) if name in pools else empty)
        for name, found in stored
        if found is not None
    }
