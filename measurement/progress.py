"""The progress of a phase, and how many of its steps are run: all, or a steady-state sample scaled to the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Pace(Protocol):
    """Gives a technique the steps of every loop whose steps cost the same."""

    def steps(self, stage: str, count: int) -> Iterator[int]:
        """0, 1, 2 … of a loop of `count` steps, up to its end or until enough of them have been metered.

        stage: names the loop within its phase; steps of one stage must cost the same (one network, one resolution,
        one batch size) or be drawn from the same distribution, because in sampled mode the steps left out are charged
        at the mean of those metered.
        """
        ...


class FullPace:
    """Every step is run."""

    def steps(self, stage: str, count: int) -> Iterator[int]:
        yield from range(count)


class Advance(Protocol):
    """Called after every step of a phase: shows progress and raises OverBudget if the budget will be exceeded."""

    def __call__(self, fraction: float, detail: str = "") -> None: ...


def no_progress(fraction: float, detail: str = "") -> None:
    """An Advance that does nothing."""
