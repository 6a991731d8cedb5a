"""A line of progress on a terminal; nothing in a pipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WIDTH = 30


class ProgressLine:
    """How much of the work is done, as a bar with the name of the current part.

    totals: the number of steps of each part. stream: where the line is drawn, if it is a terminal.
    """

    def __init__(self, stream: Any, totals: Mapping[str, int]) -> None:
        self._stream, self._total = stream, max(1, sum(totals.values()))
        self._done = 0
        self._drawn = -1
        self._shown = bool(stream.isatty())

    def __call__(self, part: str, steps: int = 1) -> None:
        """Count steps; draw the line if it looks otherwise then."""
        self._done += steps
        percent = min(100, 100 * self._done // self._total)
        if not self._shown or percent == self._drawn:
            return
        self._drawn = percent
        bar = "#" * (WIDTH * percent // 100)
        self._stream.write(f"\r{percent:3} % [{bar:<{WIDTH}}] {part:<20}", ending="")
        self._stream.flush()

    def end(self) -> None:
        """Clear the line."""
        if self._shown and self._drawn >= 0:
            self._stream.write("\r" + " " * (WIDTH + 30) + "\r", ending="")
            self._stream.flush()
