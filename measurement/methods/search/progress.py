"""How far a search is, in the work of its candidates."""

from __future__ import annotations

from measurement.progress import Advance


class Progress:
    """Turns each candidate's progress into the phase's.

    Candidates differ in cost, so each counts by its work (multiply-accumulates times epochs): otherwise a large first
    candidate would make the whole phase look that expensive, and a budget would stop it. `expected` is the work of
    all.
    """

    def __init__(self, advance: Advance, expected: float) -> None:
        self._advance, self._expected, self._done = advance, expected, 0.0

    def of(self, work: float, name: str) -> Advance:
        """The Advance of the next candidate; it begins where the one before it has ended."""
        begun = self._done
        self._done += work

        def advance(fraction: float, detail: str = "") -> None:
            self._advance(min(1.0, (begun + work * fraction) / self._expected), f"{name}, {detail}".rstrip(", "))

        return advance
