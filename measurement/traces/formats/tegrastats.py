"""`tegrastats` of NVIDIA Jetson: a line a sample, with rails such as `VDD_IN 3000mW/2900mW` (now/average).

Described under Tegrastats Utility in the Jetson Linux Developer Guide. Older releases write `POM_5V_IN 2532/2698`, in
milliwatts, and no time.
"""

from __future__ import annotations

import re
from pathlib import Path

from measurement.traces.formats.dmon import without_prefix
from measurement.traces.table import Program, Table
from measurement.traces.units import title_of

_SIGN = re.compile(r"\bRAM \d+/\d+[kMG]?B\b")
_STAMP = re.compile(r"^\s*(\d\d)-(\d\d)-(\d{4}) (\d\d:\d\d:\d\d)\s")
_RAIL = re.compile(r"\b([A-Z][A-Z0-9_]*) (\d+)mW(?:/\d+mW)?(?=\s|$)")
_OLD_RAIL = re.compile(r"\b((?:POM|VDD|VIN)_[A-Z0-9_]+) (\d+)/\d+(?=\s|$)")
_WHOLE = ("VDD_IN", "POM_5V_IN", "POM_IN")
"""Rails at the input of the module: they have all others in them."""


def is_tegrastats(line: str) -> bool:
    """Whether this is a line of `tegrastats`."""
    return _SIGN.search(line) is not None and "CPU [" in line


def read_tegrastats(path: Path, lines: list[str], first: int) -> Table:
    """Time, if the lines have one, and the present milliwatts of each rail. Raises BadInput naming the line."""
    found: list[tuple[int, str, dict[str, str]]] = []
    table = Table(path, [], [], first + 1)
    for number, line in enumerate(lines[first:], first + 1):
        if not line.strip():
            continue
        rails = dict(_RAIL.findall(line) or _OLD_RAIL.findall(line))
        prefix, _ = without_prefix(line)
        if stamp := _STAMP.match(line):
            prefix = f"{stamp[3]}-{stamp[1]}-{stamp[2]} {stamp[4]}"
        if not is_tegrastats(line) or (
            found and (set(rails) != set(found[0][2]) or bool(prefix) != bool(found[0][1]))
        ):
            if any(rest.strip() for rest in lines[number:]):
                raise table.place(number).fault("not a line of tegrastats with the rails of the first; delete it")
            table.notes.append(f"line {number}, the last, is truncated and was skipped")
            continue
        found.append((number, prefix, rails))
    _, prefix, rails = found[0]
    if not rails:
        raise table.fault("this module's tegrastats writes no power: there is no rail such as VDD_IN in the line")
    clock = [] if not prefix else ["timestamp_s" if prefix.replace(".", "").isdigit() else "timestamp"]
    table.titles = [title_of(title) for title in [*clock, *(f"{rail} [mW]" for rail in rails)]]
    table.rows = [(number, [*([time] if time else []), *row.values()]) for number, time, row in found]
    whole = [rail.lower() for rail in _WHOLE if rail in rails]
    table.program = Program(
        name="tegrastats",
        prefer=tuple(whole[:1]),
        scopes={
            rail.lower(): "the whole module" if rail in _WHOLE else f"the rail {rail} alone, a part of the module"
            for rail in rails
        },
        advice="rails of a Jetson are parts of the module, and VDD_IN is the whole; choose one with --column",
    )
    return table
