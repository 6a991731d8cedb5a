"""`nvidia-smi dmon` and `dcgmi dmon`: columns between blanks under a header of two lines that is repeated.

nvidia-smi's is described in its manual page under Device Monitoring; dcgmi's in NVIDIA's reference of `dcgmi dmon`:
`#Entity` and the fields' short names, then `ID` and their units, then an entity such as `GPU 0` and its values.
"""

from __future__ import annotations

import re
from pathlib import Path

from measurement.traces.table import Program, Table
from measurement.traces.units import title_of

_BOARD = "the whole GPU board"
_NVIDIA = Program(
    name="nvidia-smi dmon",
    prefer=("power.draw",),
    scopes={"power.draw": _BOARD},
    advice="log with `nvidia-smi dmon -s p -o DT`",
)
# Fields 157 and 155 of DCGM: the present power, then the mean of the driver.
_DCGM = Program(
    name="dcgmi dmon",
    prefer=("powinst", "power", "powr"),
    scopes=dict.fromkeys(("powinst", "power", "powr"), _BOARD),
    advice="log field 155, power: `dcgmi dmon -e 155 -d 100`",
)
# What `ts '%Y-%m-%d %H:%M:%.S'` or `ts %.s` writes before each line of a program that writes no times.
_PREFIX = re.compile(r"^\s*(\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?|\d{10}(?:\.\d+)?)\s+(?=\S)")
_ENTITY = re.compile(r"^\s*([A-Za-z][\w-]*(?: \w+)*? \d+)(?:\s+|$)")
_UNITS = {"W": "W", "mW": "mW"}


def is_nvidia_header(line: str) -> bool:
    """Whether this is a header of `nvidia-smi dmon` with its column of power."""
    return line.lstrip().startswith("#") and "pwr" in line.lower().replace(",", " ").split()


def is_dcgm_header(line: str) -> bool:
    """Whether this is a header of `dcgmi dmon`."""
    return _PREFIX.sub("", line).lstrip().lower().startswith("#entity")


def without_prefix(line: str) -> tuple[str, str]:
    """The time before a line, empty if there is none, and the rest."""
    found = _PREFIX.match(line)
    return (found[1], line[found.end() :]) if found else ("", line)


def read_nvidia_dmon(path: Path, lines: list[str], first: int) -> Table:
    """`nvidia-smi dmon -o DT`: date, time, index, power. Without them, times are those of --interval."""
    titles = _words(lines[first].lstrip(" #"))
    names = [title.lower() for title in titles]
    power_at, gpu_at = names.index("pwr"), names.index("gpu") if "gpu" in names else None
    stamped = "date" in names and "time" in names
    heads = [*(["timestamp"] if stamped else []), "index", "power.draw [W]"]
    table = Table(path, [title_of(head) for head in heads], [], first + 1, program=_NVIDIA)
    for number, line in enumerate(lines[first + 1 :], first + 2):
        if not line.strip():
            continue
        words = _words(line.lstrip(" #"))
        if line.lstrip().startswith("#"):
            if "pwr" in [word.lower() for word in words] and [word.lower() for word in words] != names:
                raise table.place(number).fault("another header with other columns; put each log into its own file")
            continue
        if len(words) != len(names):
            if len(words) > len(names) or any(rest.strip() for rest in lines[number:]):
                raise table.place(number).fault(f"{len(words)} cells, the header has {len(names)}: delete the line")
            table.notes.append(f"line {number}, the last, is truncated and was skipped")
            continue
        row = [words[gpu_at] if gpu_at is not None else "", words[power_at]]
        if stamped:
            date = re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", words[names.index("date")])
            row.insert(0, f"{date} {words[names.index('time')]}")
        table.rows.append((number, row))
    return table


def read_dcgm_dmon(path: Path, lines: list[str], first: int) -> Table:
    """`dcgmi dmon -e 155`: it writes no times, so they come before each line (by `ts`) or by --interval."""
    before, header = without_prefix(lines[first])
    fields = header.split()[1:]
    titles: list[str] | None = None
    table = Table(path, [], [], first + 1, program=_DCGM)
    for number, line in enumerate(lines[first + 1 :], first + 2):
        stamp, rest = without_prefix(line)
        words = rest.split()
        if not words or words[0].startswith("#") or "dmon was stopped" in rest:
            if words and words[0].lower() == "#entity" and words[1:] != fields:
                raise table.place(number).fault("another header with other columns; put each log into its own file")
            continue
        if words[0].lower() == "id" and not any(character.isdigit() for character in rest):
            titles = titles or _with_units(fields, header, rest)
            continue
        entity = _ENTITY.match(rest)
        values = rest[entity.end() :].split() if entity else []
        if entity is None or len(values) != len(fields):
            if any(later.strip() for later in lines[number:]):
                raise table.place(number).fault(
                    f"is not an entity and {len(fields)} values, as the header says: delete the line"
                )
            table.notes.append(f"line {number}, the last, is truncated and was skipped")
            continue
        if bool(stamp) != bool(before):
            raise table.place(number).fault("some lines have a time before them, others have none")
        table.rows.append((number, [*([stamp] if before else []), entity[1], *values]))
    clock = [] if not before else ["timestamp_s" if before.replace(".", "").isdigit() else "timestamp"]
    table.titles = [title_of(title) for title in [*clock, "entity", *(titles or _with_units(fields, header, ""))]]
    return table


def _with_units(fields: list[str], header: str, units: str) -> list[str]:
    """The fields with the units below them; power without one is in watts (DCGM field 155)."""
    titles = []
    for found in re.finditer(r"\S+", header):
        below = units[found.start() :].split(None, 1)[:1]
        at = len(units[found.start() :]) - len(units[found.start() :].lstrip()) if below else 99
        unit = _UNITS.get(below[0], "") if below and at <= len(found[0]) else ""
        is_power = found[0].lower() in _DCGM.prefer
        titles.append(f"{found[0]} [{unit or 'W'}]" if unit or is_power else found[0])
    return titles[1:]


def _words(line: str) -> list[str]:
    return [word.strip() for word in line.split(",")] if "," in line else line.split()
