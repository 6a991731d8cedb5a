"""`turbostat`: a header, a summary row of the system, and a row for each CPU, again for each interval.

From turbostat(8): the summary row has `-` for Package, Core and CPU and the watts of all packages; with `--Summary`
it is the only row. `PkgWatt` is the mean over the interval that ends at the row's time; `--Joules` writes `Pkg_J`,
the joules of the interval. A CPU's row repeats its package's watts, so only summaries are read.
"""

from __future__ import annotations

from pathlib import Path

from measurement.traces.table import Holds, Program, Table
from measurement.traces.units import title_of

_SCOPES = {
    "Pkg": "the CPU packages, without DRAM (RAPL)",
    "Cor": "the CPU cores alone (RAPL)",
    "GFX": "the integrated graphics alone (RAPL)",
    "RAM": "the DRAM alone (RAPL)",
    "Sys": "the whole platform as the processor reports it",
}
_WATTS = {f"{part}Watt": scope for part, scope in _SCOPES.items()}
_JOULES = {f"{part}_J": scope for part, scope in _SCOPES.items()}
_TOPOLOGY = ("Package", "Die", "Node", "Core", "CPU")
_ADVICE = (
    "log with `turbostat --quiet --Summary --interval 1 --enable Time_Of_Day_Seconds "
    "--show Time_Of_Day_Seconds,PkgWatt,RAMWatt`"
)


def is_turbostat_header(line: str) -> bool:
    """Whether this is a header of `turbostat` that has watts or joules."""
    words = line.split()
    return any(word in _WATTS or word in _JOULES for word in words) and not any(mark in line for mark in ",;([")


def read_turbostat(path: Path, lines: list[str], first: int) -> Table:
    """Summary rows: time, and what RAPL says of each domain. Raises BadInput if nothing distinguishes them."""
    names = lines[first].split()
    known = {**_WATTS, **_JOULES}
    wanted = [name for name in names if name == "Time_Of_Day_Seconds" or name in known]
    has_joules = any(name in _JOULES for name in names)
    titles = [f"{name} [W]" if has_joules and name in _JOULES else name for name in wanted]
    table = Table(
        path,
        [title_of("timestamp_s" if title == "Time_Of_Day_Seconds" else title) for title in titles],
        [],
        first + 1,
        program=Program(
            name="turbostat",
            prefer=("pkg_j",) if has_joules else ("pkgwatt",),
            scopes={name.lower(): scope for name, scope in known.items()},
            holds=Holds.ENERGY_BEFORE if has_joules else Holds.MEAN_BEFORE,
            advice=_ADVICE,
        ),
    )
    topology = [at for at, name in enumerate(names) if name in _TOPOLOGY]
    headers, since_header, per_header = 1, 0, 0
    for number, line in enumerate(lines[first + 1 :], first + 2):
        words = line.split()
        if words == names:
            headers, since_header = headers + 1, 0
            continue
        if not words or (topology and len(words) > max(topology) and any(words[at] != "-" for at in topology)):
            continue
        if len(words) == 2 and words[1] == "sec":
            continue
        if len(words) != len(names):
            if any(rest.strip() for rest in lines[number:]):
                raise table.place(number).fault(
                    f"{len(words)} cells, the header has {len(names)}; {_ADVICE}, or delete the line"
                )
            table.notes.append(f"line {number}, the last, is truncated and was skipped")
            continue
        since_header += 1
        per_header = max(per_header, since_header)
        table.rows.append((number, [words[names.index(name)] for name in wanted]))
    if not table.rows:
        raise table.fault(f"has no summary row (with - under CPU), only rows of single CPUs; {_ADVICE}")
    if headers > 1 and per_header > 1:
        raise table.fault(
            "several rows between two headers, no column CPU: nothing distinguishes the summary from single CPUs; "
            + _ADVICE
        )
    return table
