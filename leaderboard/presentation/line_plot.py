"""A line chart that the server draws as SVG, in percentages of its frame: for any width, without JavaScript."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from leaderboard.presentation.format import count

X_TICKS = (1e3, 1e6, 1e9, 1e12)


@dataclass(frozen=True, slots=True)
class Series:
    """A line: (N, value or None) in ascending order of N. `key` names its colour, dash and mark in findings.css."""

    key: str
    name: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where it is, in per cent of the frame, and its words."""

    at: str
    words: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A straight piece of a line, in per cent of the frame."""

    x1: str
    y1: str
    x2: str
    y2: str


@dataclass(frozen=True, slots=True)
class Line:
    """A series as it is drawn."""

    key: str
    name: str
    segments: list[Segment]
    marks: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart: its name, what it shows in words for those who can't see it, the axes' names, ticks and lines."""

    anchor: str
    title: str
    description: str
    y_name: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    lines: list[Line]


def plot(
    series: Sequence[Series],
    y_ticks: Sequence[tuple[float, str]],
    *,
    anchor: str,
    title: str,
    description: str,
    y_name: str,
    log_y: bool = False,
) -> Plot:
    """A chart over usage intensity from 1e3 to 1e12, a decade as wide as any other. The y axis ends at its ticks.

    log_y: a factor of ten is as high as any other.
    """
    least, most = y_ticks[0][0], y_ticks[-1][0]

    def x(usage_intensity: float) -> str:
        return _part(_between(math.log10(usage_intensity), math.log10(X_TICKS[0]), math.log10(X_TICKS[-1])))

    def y(value: float) -> str:
        if log_y:
            return _part(1 - _between(math.log10(value), math.log10(least), math.log10(most)))
        return _part(1 - _between(value, least, most))

    lines = []
    for one in series:
        marks = [None if value is None else (x(n), y(value)) for n, value in one.points]
        joined = pairwise(marks)
        segments = [Segment(*start, *end) for start, end in joined if start is not None and end is not None]
        lines.append(Line(one.key, one.name, segments, [mark for mark in marks if mark is not None]))
    return Plot(
        anchor=anchor,
        title=title,
        description=description,
        y_name=y_name,
        x_ticks=[Tick(x(n), count(n)) for n in X_TICKS],
        y_ticks=[Tick(y(value), words) for value, words in y_ticks],
        lines=lines,
    )


def powers_of_ten(most: float) -> list[float]:
    """Ticks of a logarithmic axis from 1 to the first power of ten at or above `most`; at least to 10."""
    return [10.0**power for power in range(max(1, math.ceil(math.log10(most))) + 1)]


def _between(value: float, least: float, most: float) -> float:
    return (value - least) / (most - least)


def _part(value: float) -> str:
    return f"{value * 100:.2f}%"
