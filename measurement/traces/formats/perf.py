"""`perf stat -I`: the joules of each interval, for people or, with `-x`, for programs.

From perf-stat(1): with -I each line begins with seconds since the start; `-x,` writes time, with --per-socket the
socket and its number of CPUs, the count, its unit and the event. Power events count the joules of the
interval that ends at the line's time.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from measurement.traces.cells import Place
from measurement.traces.table import Holds, Program, Table
from measurement.traces.units import Title

_EVENT = re.compile(r"(?:^|[\s,;:|])(power/energy-(\w+)/)")
_SCOPES = {
    "pkg": "the CPU packages, without DRAM (RAPL)",
    "cores": "the CPU cores alone (RAPL)",
    "gpu": "the integrated graphics alone (RAPL)",
    "ram": "the DRAM alone (RAPL)",
    "psys": "the whole platform as the processor reports it (RAPL psys)",
}
_FOR_PEOPLE = re.compile(
    r"^\s*(?P<time>\d+\.\d+)\s+(?:(?P<socket>S\d+(?:-\w+)*|CPU\d+|N\d+)\s+(?:\d+\s+)?)?"
    r"(?P<count>[\d.,]+(?=\s+Joules\s)|<not counted>|<not supported>)\s+(?:Joules\s+)?power/energy-(?P<domain>\w+)/"
)
_ADVICE = "log with `perf stat -a -I 1000 -x, -e power/energy-pkg/ -o power.csv`"


def is_perf(line: str) -> bool:
    """Whether a line is an interval's of a power event."""
    return _EVENT.search(line) is not None and re.match(r"\s*\d+\.\d+[\s,;:|]", line) is not None


def read_perf(path: Path, lines: list[str], first: int) -> Table:
    """Seconds, socket, and the joules of each event, one column an event. Raises BadInput naming the line."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    numbers: dict[tuple[str, str], int] = {}
    table = Table(path, [], [], first + 1)
    for number, line in enumerate(lines[first:], first + 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        place = table.place(number)
        read = _read_line(place, line) if _EVENT.search(line) else None
        if read is None:
            if _EVENT.search(line) is None and re.match(r"\s*\d+\.\d+[\s,;:|].*\S", line):
                continue
            if any(rest.strip() for rest in lines[number:]):
                raise place.fault(f"is not a line of perf stat -I with time, joules and event; {_ADVICE}")
            table.notes.append(f"line {number}, the last, is truncated and was skipped")
            continue
        time, socket, joules, domain = read
        row = found.setdefault((time, socket), {})
        if domain in row:
            raise place.fault(f"a second figure of power/energy-{domain}/ at {time} s: two logs in one? {_ADVICE}")
        row[domain] = joules
        numbers.setdefault((time, socket), number)
    domains = list(dict.fromkeys(domain for row in found.values() for domain in row))
    events = [f"power/energy-{domain}/" for domain in domains]
    table.titles = [
        Title("time", "time", time_unit="s"),
        Title("socket", "socket"),
        *(Title(event, event, unit="W") for event in events),
    ]
    table.rows = [(numbers[key], [*key, *(row.get(domain, "") for domain in domains)]) for key, row in found.items()]
    table.program = Program(
        name="perf stat -I",
        prefer=("power/energy-pkg/",) if "pkg" in domains else (),
        scopes={f"power/energy-{name}/": scope for name, scope in _SCOPES.items()},
        holds=Holds.ENERGY_BEFORE,
        starts_at_zero=True,
        advice=_ADVICE,
    )
    return table


def _read_line(place: Place, line: str) -> tuple[str, str, str, str] | None:
    """Time, socket, joules, domain; None if the line is no whole one."""
    if matched := _FOR_PEOPLE.match(line):
        return matched["time"], matched["socket"] or "", _plain(place, matched["count"]), matched["domain"]
    separator = re.match(r"\s*\d+\.\d+([,;:|])", line)
    if separator is None:
        return None
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator[1]))]
    at = next((at for at, cell in enumerate(cells) if _EVENT.fullmatch(cell)), 0)
    # time, [socket, CPUs,] count, unit, event, then at least the running time and its share
    if at not in (3, 4, 5) or len(cells) < at + 3 or not (cells[at - 1] == "Joules" or cells[at - 2].startswith("<")):
        return None
    domain = cells[at].split("-")[1].rstrip("/")
    return cells[0], cells[1] if at > 3 else "", cells[at - 2], domain


def _plain(place: Place, count: str) -> str:
    """A count as perf writes it for people: two decimals, and the marks of the reader's language."""
    if re.fullmatch(r"\d{1,3}(,\d{3})*\.\d+|\d+\.\d+|<.*>", count):
        return count.replace(",", "")
    if re.fullmatch(r"\d{1,3}(\.\d{3})*,\d\d|\d+,\d\d", count):
        return count.replace(".", "").replace(",", ".")
    raise place.fault(f"{count!r} may be written in several ways; {_ADVICE}")
