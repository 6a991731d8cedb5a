"""How far a phase is, and how many of its steps are done: all, or a steady-state sample scaled to the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Pace(Protocol):
    """A technique asks it for the steps of every loop whose steps cost alike."""

    def steps(self, stage: str, count: int) -> Iterator[int]:
        """0, 1, 2 … of a loop of `count` steps, up to its end or to where enough of them have been metered.

        stage: names the loop within its phase; steps of one stage must cost alike (one network, one resolution, one
        batch size) or be drawn alike, because in sampled mode the steps left out are charged at the mean of those
        metered.
        """
        ...


class FullPace:
    """Every step is done."""

    def steps(self, stage: str, count: int) -> Iterator[int]:
        yield from range(count)


class Advance(Protocol):
    """Called after every step of a phase: shows progress and raises OverBudget where the budget will not do."""

    def __call__(self, fraction: float, detail: str = "") -> None: ...


def no_progress(fraction: float, detail: str = "") -> None:
    """An Advance that tells nobody."""
