"""Cells of another tool's power log as numbers: watts with or without a unit, seconds, date stamps, decimal
commas."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measurement.errors import BadInput
from measurement.traces.units import AMBIGUOUS, SECONDS, WATTS, power_unit

MAX_POWER_W = 100_000.0
"""More than any one machine draws: a reading above it is in another unit, or invalid."""

MAX_TIME_S = 1e12
"""Some 30,000 years: a stamp beyond it is in another unit, or invalid."""

_NUMBER = re.compile(
    r"^([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?)[^\S\n]*"
    r"([mkuM\u00b5\u03bcK]?[Ww]|(?:[Mm]illi|[Kk]ilo|[Mm]icro)?[Ww]atts?)?$"
)
_MAYBE_THOUSANDS = re.compile(r"^[+-]?[1-9]\d{0,2},\d{3}$")
_ABSENT = re.compile(
    r"^(?:|-+|\[.*\]|<not (?:counted|supported)>|N/A(?: \(.*\))?|NA|none|null|Not Supported|Unknown Error|ERR!)$",
    re.IGNORECASE,
)
_STAMP = re.compile(
    r"^(\d{4})[-/](\d\d?)[-/](\d\d?)[ T]+(\d\d?):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?$"
)
_TIME_OF_DAY = re.compile(r"^(\d\d?):(\d\d):(\d\d)(?:[.,](\d{1,9}))?$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a cell, with which every message about it begins."""

    path: Path
    line: str
    column: str = ""

    def of(self, column: str) -> Place:
        """The same line in another column."""
        return replace(self, column=column)

    def fault(self, what: str) -> BadInput:
        """To be raised: what is wrong here."""
        where = f"{self.path}: {self.line}" + (f", column {self.column}" if self.column else "")
        return BadInput(f"{where}: {what}", field="trace")


def is_absent(cell: str) -> bool:
    """Whether a cell says that there was no reading: empty, `-`, `[N/A]`, `[Unknown Error]` and similar."""
    return _ABSENT.match(cell.strip()) is not None


def is_number(cell: str) -> bool:
    """Whether a cell is a bare number or a power."""
    return _NUMBER.match(cell.strip()) is not None


def is_stamp(cell: str) -> bool:
    """Whether a cell is a date with a time of day."""
    return _STAMP.match(cell.strip()) is not None


def uses_decimal_commas(cells: Iterable[tuple[Place, str]]) -> bool:
    """Whether the numbers of a log are written `12,5`. Raises BadInput if they may be thousands separators."""
    points, commas = False, []
    for place, cell in cells:
        matched = _NUMBER.match(cell.strip())
        if matched is None:
            continue
        points = points or "." in matched[1]
        if "," in matched[1]:
            commas.append((place, matched[1]))
    if not commas:
        return False
    place, text = commas[0]
    if points:
        raise place.fault(f"{text!r} has a comma, and other cells have a decimal point; use only points")
    if all(_MAYBE_THOUSANDS.match(text) for _, text in commas):
        plain, pointed = text.replace(",", ""), text.replace(",", ".")
        raise place.fault(f"{text!r} may be {pointed} or {plain}; use a decimal point, and no thousands separator")
    return True


def watts(place: Place, cell: str, unit: str = "", decimal_commas: bool = False) -> float:
    """A power; `unit` (a key of WATTS; none is watts) is the column's, and a cell may say another.

    Raises BadInput for what is no power, and for MW: megawatts or milliwatts in capitals.
    """
    matched = _NUMBER.match(cell.strip())
    if matched is None or ("," in matched[1] and not decimal_commas):
        raise place.fault(f"{cell.strip()[:40]!r} is not a power in watts; correct the cell or empty it")
    said = power_unit(matched[2] or "") or unit or "W"
    if said == AMBIGUOUS:
        raise place.fault(f"{cell.strip()[:40]!r} is in MW, megawatts; write mW for milliwatts")
    return checked_power(place, float(matched[1].replace(",", ".")) * WATTS[said])


def said_unit(cell: str) -> str:
    """The power unit that a cell says; empty if it says none."""
    matched = _NUMBER.match(cell.strip())
    return power_unit(matched[2]) if matched is not None and matched[2] else ""


def checked_power(place: Place, power_w: float) -> float:
    """`power_w`. Raises BadInput if it is impossible."""
    if not math.isfinite(power_w):
        raise place.fault(f"{power_w} is not a number; leave a cell without a reading empty")
    if power_w < 0:
        raise place.fault(f"power is negative ({power_w:g} W); correct the cell or empty it")
    if power_w > MAX_POWER_W:
        raise place.fault(
            f"{power_w:g} W is more than any one machine draws; if these are milliwatts, name the column power_mw"
        )
    return power_w


def seconds(place: Place, cell: str, unit: str = "s", decimal_commas: bool = False) -> float:
    """A time in seconds, from a number in `unit` (s, ms, us, ns)."""
    text = cell.strip()
    try:
        if "_" in text:
            raise ValueError(text)
        value = float(text.replace(",", ".") if decimal_commas else text)
    except ValueError:
        raise place.fault(f"{text[:40]!r} is not a number of seconds; correct the cell or delete the line") from None
    return checked_time(place, value * SECONDS[unit])


def checked_time(place: Place, time_s: float) -> float:
    """`time_s`. Raises BadInput if it is impossible."""
    if not abs(time_s) <= MAX_TIME_S:
        raise place.fault(f"{time_s:g} is not a time in seconds; correct the cell or delete the line")
    return time_s


def is_time_of_day(cell: str) -> bool:
    """Whether a cell is a time of day without a date."""
    return _TIME_OF_DAY.match(cell.strip()) is not None


def time_of_day_ns(place: Place, cell: str) -> int:
    """A time of day as nanoseconds since midnight."""
    matched = _TIME_OF_DAY.match(cell.strip())
    hour, minute, second = (int(part) for part in matched.groups()[:3]) if matched else (24, 0, 0)
    if matched is None or hour > 23 or minute > 59 or second > 59:
        raise place.fault(f"{cell.strip()[:40]!r} is not a time of day such as 12:00:00.000")
    return (hour * 3600 + minute * 60 + second) * 10**9 + int((matched[4] or "0").ljust(9, "0"))


def has_zone(cell: str) -> bool:
    """Whether a date stamp says its time zone."""
    matched = _STAMP.match(cell.strip())
    return matched is not None and matched[8] is not None


def stamp_ns(place: Place, cell: str) -> int:
    """A date stamp as whole nanoseconds since 1970; a stamp without a zone is read as UTC, for differences."""
    matched = _STAMP.match(cell.strip())
    if matched is None:
        raise place.fault(f"{cell.strip()[:40]!r} is not a date such as 2026/01/31 12:00:00.000")
    *date, fraction, zone = matched.groups()
    year, month, day, hour, minute, second = (int(part) for part in date)
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise place.fault(f"{cell.strip()[:40]!r} is not a date: {error}") from None
    if zone and zone != "Z":
        sign = -1 if zone[0] == "-" else 1
        moment -= sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + int((fraction or "0").ljust(9, "0"))
