"""The time of each row of a power log: seconds, date stamps, times of day, or samples a known interval apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

from measurement.errors import BadInput
from measurement.traces.cells import (
    has_zone,
    is_number,
    is_stamp,
    is_time_of_day,
    seconds,
    stamp_ns,
    time_of_day_ns,
)
from measurement.traces.table import Table

Value = TypeVar("Value", int, float)

_AXES = frozenset((
    "timestamp", "time", "elapsed", "t", "ts", "epoch", "uptime", "unixtime", "unixtimestamp", "epochtime",
    "timeelapsed", "elapsedtime", "relativetime", "timeofday", "walltime", "seconds",
))  # fmt: skip
_STAMPED = ("timestamp", "time", "datetime", "date", "localtime", "utctime", "timestamputc", "timestamplocal", "ts")
_ENDINGS = {
    "s": ("seconds", "second", "secs", "sec", "s"),
    "ms": ("milliseconds", "millisecond", "millis", "msec", "ms"),
    "us": ("microseconds", "microsecond", "micros", "usec", "us"),
    "ns": ("nanoseconds", "nanosecond", "nanos", "nsec", "ns"),
}
_DAY_NS = 86_400 * 10**9
_MOST_APART_NS = 3_600 * 10**9


def time_column(table: Table) -> int | None:
    """The position of the column of times, None if there is none. Raises BadInput for two of the same name."""
    bare = [re.sub(r"[^a-z]", "", title.name) for title in table.titles]
    with_unit = [
        at
        for at, title in enumerate(table.titles)
        if title.time_unit and _without_unit(bare[at], title.time_unit) in _AXES
    ]
    with_unit.sort(key=lambda at: (bare[at].startswith("elapsed"), at))
    stamped = [bare.index(name) for name in _STAMPED if name in bare]
    found = (with_unit or stamped)[:1]
    if not found:
        return None
    at = found[0]
    if bare.count(bare[at]) > 1:
        texts = ", ".join(title.text for title, name in zip(table.titles, bare, strict=True) if name == bare[at])
        raise table.fault(f"several columns of time ({texts}): leave one")
    return at


def row_times(table: Table, at: int | None, needed: Sequence[bool], commas: bool) -> list[float | None]:
    """The seconds of each row; None for an unreadable time of a row that isn't needed, one without a reading.

    Numbers keep their clock; date stamps and times of day count from the first row that is needed. Raises BadInput
    naming the line.
    """
    if at is None:
        raise table.fault(
            f"has no column timestamp_s or timestamp (columns: {_titles(table)}); {table.program.advice}, or say "
            "--interval S, the seconds between two samples"
        )
    cells = table.cells(at)
    first = next((cell for cell, is_needed in zip(cells, needed, strict=True) if is_needed), "")
    unit = table.titles[at].time_unit or (table.program.time_unit if is_number(first) else "")
    if unit:
        return _read(table, at, needed, lambda cell, number: seconds(table.place(number, at), cell, unit, commas))
    if is_number(first):
        raise table.place(table.header_line, at).fault(
            f"{first[:40]} has no unit: name the column timestamp_s or timestamp_ms"
        )
    if is_time_of_day(first):
        return _from_first(_times_of_day(table, at, needed), needed)
    times_ns = _read(table, at, needed, lambda cell, number: stamp_ns(table.place(number, at), cell))
    _refuse_mixed_zones(table, at, times_ns)
    return _from_first(times_ns, needed)


def interval_times(table: Table, devices: Sequence[str], interval_s: float) -> list[float]:
    """Times of a log that has none: a device's rows are `interval_s` apart. Raises BadInput if rows are missing."""
    counts: dict[str, int] = {}
    times = []
    for device in devices:
        times.append(counts.get(device, 0) * interval_s)
        counts[device] = counts.get(device, 0) + 1
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{device} {number}" for device, number in counts.items())
        raise BadInput(
            f"{table.path}: rows are missing ({said}), so that --interval doesn't give their times; log with times",
            field="--interval",
        )
    return times


def is_local(table: Table, at: int | None) -> bool:
    """Whether times are a local clock's, which summer time sets back."""
    return at is not None and any(
        (is_stamp(row[at]) and not has_zone(row[at])) or is_time_of_day(row[at]) for _, row in table.rows[:50]
    )


def _without_unit(name: str, unit: str) -> str:
    """`times` of `time_s` is time; `timeofdayseconds` is timeofday."""
    for ending in _ENDINGS[unit]:
        if name.endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def _read(table: Table, at: int, needed: Sequence[bool], read: Callable[[str, int], Value]) -> list[Value | None]:
    values: list[Value | None] = []
    for (number, row), is_needed in zip(table.rows, needed, strict=True):
        try:
            values.append(read(row[at], number))
        except BadInput:
            if is_needed:
                raise
            values.append(None)
    return values


def _refuse_mixed_zones(table: Table, at: int, times_ns: Sequence[int | None]) -> None:
    """A stamp without a zone is read as UTC among others with one, if it then follows the line before it at once."""
    zones = [has_zone(row[at]) for _, row in table.rows]
    if not any(zones) or all(zones):
        return
    for position in range(1, len(zones)):
        before, after = times_ns[position - 1], times_ns[position]
        if zones[position - 1] == zones[position] or before is None or after is None:
            continue
        if not 0 <= after - before < _DAY_NS // 48:
            raise table.place(table.rows[position][0], at).fault(
                "has no time zone where others have one, or the reverse; write one in all lines or in none"
            )


def _times_of_day(table: Table, at: int, needed: Sequence[bool]) -> list[int | None]:
    """Nanoseconds from the first day's midnight: a row is less than half a day from the one before it."""
    times = _read(table, at, needed, lambda cell, number: time_of_day_ns(table.place(number, at), cell))
    known = [position for position, time in enumerate(times) if time is not None]
    day = 0
    unwrapped: list[int | None] = list(times)
    for before, after in pairwise(known):
        earlier, later = times[before], times[after]
        if earlier is None or later is None:
            continue
        if abs(later - earlier) > _DAY_NS // 2:
            day += 1 if later < earlier else -1
        unwrapped[after] = later + day * _DAY_NS
        last = unwrapped[before]
        if last is not None and abs(later + day * _DAY_NS - last) > _MOST_APART_NS:
            raise table.place(table.rows[after][0], at).fault(
                "is more than an hour from the line before, and times have no date: whether a day lies between is "
                f"not certain; log with dates ({table.program.advice})"
            )
    return unwrapped


def _from_first(times_ns: Sequence[int | None], needed: Sequence[bool]) -> list[float | None]:
    zero = min(
        (time for time, is_needed in zip(times_ns, needed, strict=True) if is_needed and time is not None), default=0
    )
    return [None if time is None else (time - zero) / 1e9 for time in times_ns]


def _titles(table: Table) -> str:
    return ", ".join(title.text for title in table.titles)
