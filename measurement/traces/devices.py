"""Which device each row of a power log is of: columns that distinguish devices, row counters that don't, `--gpu`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from measurement.errors import BadInput
from measurement.traces.cells import is_absent
from measurement.traces.columns import ALL_GPUS
from measurement.traces.table import Table
from measurement.traces.units import Title

# Names without their marks, best as a label first.
_NUMBERS = (
    "gpuindex", "gpu", "gpuid", "gpuidx", "gpuno", "gpunumber", "xpu", "npu", "tpu", "deviceid", "deviceindex",
    "deviceidx", "device", "devid", "dev", "card", "cardid", "cardindex", "accelerator", "acceleratorid", "entity",
    "entityid", "minornumber", "minor", "index", "idx", "id", "localrank", "rank", "socket", "socketid", "package",
    "tile", "tileid", "partition", "mig", "migdevice", "instance", "gpuinstance", "slot", "module", "sensor",
    "component", "domain", "zone", "rail", "meter", "channel", "outlet", "plug", "chip", "die",
)  # fmt: skip
_SERIALS = (
    "uuid", "gpuuuid", "deviceuuid", "busid", "pcibusid", "gpubusid", "pcibus", "pciid", "pciaddress", "pci", "bdf",
    "gpubdf", "serial", "gpuserial", "serialnumber",
)  # fmt: skip
_NAMES = ("name", "gpuname", "devicename", "cardname", "productname", "product", "model", "gpumodel", "gputype")
_HOSTS = ("hostname", "host", "node", "nodename", "nodeid", "machine", "server", "computer", "pod", "container")
_HOST = 3
_COUNTERS = frozenset(("index", "idx", "id"))
"""Names that a count of rows has too."""


@dataclass(frozen=True, slots=True)
class Devices:
    """The device of each row, empty if the log distinguishes none; `columns` names what distinguishes them."""

    of_rows: list[str]
    columns: str = ""
    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)


def device_columns(table: Table) -> list[int]:
    """Positions of columns named as ones that distinguish devices; one with a unit is a reading."""
    return [
        at for at, title in enumerate(table.titles) if _rank(title) is not None and not (title.unit or title.other)
    ]


def devices_of(table: Table, times: Sequence[float | None]) -> Devices:
    """The device of each row. Raises BadInput for a row without one, and for numbers that change their device.

    times: of each row, to distinguish a count of rows from the number of a GPU.
    """
    columns = {at: table.cells(at) for at in device_columns(table)}
    columns = {at: cells for at, cells in columns.items() if not all(is_absent(cell) for cell in cells)}
    counters = [at for at, cells in columns.items() if _counts_beside_devices(table, at, columns)]
    counters += [at for at in columns if at not in counters and _counts_rows(table, at, columns[at], times)]
    columns = {at: cells for at, cells in columns.items() if at not in counters}
    if not columns or not table.rows:
        return Devices([""] * len(table.rows), aliases={"": frozenset()})
    whole = list(zip(*columns.values(), strict=True))
    if len(set(whole)) == 1:
        only = {at: cells[0] for at, cells in columns.items() if not is_absent(cells[0])}
        label = _tidy(only[min(only, key=lambda at: _order(table, at))])
        return Devices([label] * len(whole), aliases={label: _also_called(table, only)})
    labels, used = _labels(table, columns, whole)
    said: dict[str, frozenset[str]] = {}
    for label, cells in dict.fromkeys(zip(labels, whole, strict=True)):
        known = {at: cell for at, cell in zip(columns, cells, strict=True) if not is_absent(cell)}
        said[label] = said.get(label, frozenset()) | _also_called(table, known)
    return Devices(labels, ", ".join(table.titles[at].name for at in used), said)


def chosen_labels(path: Path, aliases: Mapping[str, Collection[str]], gpu: str | None) -> list[str]:
    """The devices that `--gpu` means, of those in `aliases` (label -> other names, in lower case).

    Raises BadInput if it means none, or several.
    """
    labels = list(aliases)
    if gpu is None or gpu == ALL_GPUS or not labels:
        return labels
    wanted = gpu.strip().lower()
    found = [label for label in labels if label.lower() == wanted]
    found = found or [label for label in labels if wanted in aliases[label]]
    if not found and wanted.isdigit():
        number = re.compile(rf"^[a-z]+[ _:-]?0*{int(wanted)}$")
        found = [label for label in labels if any(number.match(said) for said in (label.lower(), *aliases[label]))]
    if len(found) == 1:
        return found
    if found:
        raise BadInput(f"{path}: {gpu!r} means {len(found)} GPUs ({', '.join(found)}); choose one", field="--gpu")
    if labels == [""]:
        raise BadInput(f"{path}: this log has no column that distinguishes GPUs; leave --gpu out", field="--gpu")
    raise BadInput(f"{path}: no GPU {gpu!r}; it has {', '.join(labels)}", field="--gpu")


def _also_called(table: Table, cells: Mapping[int, str]) -> frozenset[str]:
    """What a device may be called by: each of its cells, and host/cell."""
    said = {_tidy(cell).lower() for cell in cells.values()}
    hosts = {_tidy(cell).lower() for at, cell in cells.items() if _rank(table.titles[at]) == _HOST}
    return frozenset(said | {f"{host}/{cell}" for host in hosts for cell in said - hosts})


def _name(table: Table, at: int) -> str:
    return re.sub(r"[^a-z0-9]", "", table.titles[at].name)


def _rank(title: Title) -> int | None:
    """Which kind of device column a title names: 0 number, 1 serial, 2 name, 3 host; None if it names none."""
    name = re.sub(r"[^a-z0-9]", "", title.name)
    return next((kind for kind, names in enumerate((_NUMBERS, _SERIALS, _NAMES, _HOSTS)) if name in names), None)


def _order(table: Table, at: int) -> tuple[int, int]:
    rank = _rank(table.titles[at]) or 0
    return rank, (_NUMBERS, _SERIALS, _NAMES, _HOSTS)[rank].index(_name(table, at))


def _labels(table: Table, columns: dict[int, list[str]], whole: list[tuple[str, ...]]) -> tuple[list[str], list[int]]:
    """A label for each row, from as few columns as distinguish all devices."""
    order = sorted(columns, key=lambda at: _order(table, at))
    hosts = [at for at in order if _rank(table.titles[at]) == _HOST]
    inside = [at for at in order if at not in hosts]
    different = len(set(whole))
    for used in [*([at] for at in order), *([host, at] for host in hosts for at in inside), [*hosts, *inside]]:
        keys = list(zip(*(columns[at] for at in used), strict=True))
        if len(set(keys)) < different:
            continue
        if used == [*hosts, *inside] and len(used) > 1:
            _refuse_contradiction(table, columns, hosts, inside)
        for (number, _), key in zip(table.rows, keys, strict=True):
            absent = [at for at, cell in zip(used, key, strict=True) if is_absent(cell)]
            if absent:
                said = key[used.index(absent[0])]
                raise table.place(number, absent[0]).fault(
                    f"{said!r} says no device, and other rows say one; fill it in, or delete the rows without one"
                )
        return ["/".join(map(_tidy, key)) for key in keys], used
    raise AssertionError("all columns together distinguish all devices")


def _refuse_contradiction(table: Table, columns: dict[int, list[str]], hosts: list[int], inside: list[int]) -> None:
    """One card (its serial, UUID or bus) under two numbers: the GPUs were renumbered within the log."""
    serials = [at for at in inside if _rank(table.titles[at]) == 1]
    numbers = [at for at in inside if _rank(table.titles[at]) == 0]
    for serial in serials:
        for number in numbers:
            seen: dict[tuple[str, ...], str] = {}
            for row, (line, _) in enumerate(table.rows):
                key = (*(columns[host][row] for host in hosts), columns[serial][row])
                if seen.setdefault(key, columns[number][row]) != columns[number][row]:
                    raise table.place(line, number).fault(
                        f"{columns[serial][row]} was {seen[key]} before and is {columns[number][row]} here: the GPUs "
                        "were renumbered; cut the file before this line"
                    )


def _counts_beside_devices(table: Table, at: int, columns: Mapping[int, list[str]]) -> bool:
    """Whether a column called `index` has a number of its own for each row, and another one devices with several."""
    if _name(table, at) not in _COUNTERS or len(set(columns[at])) < len({tuple(row) for _, row in table.rows}):
        return False
    labels = [Counter(cells) for other, cells in columns.items() if other != at]
    return any(len(rows) > 1 and min(rows.values()) > 1 for rows in labels)


def _counts_rows(table: Table, at: int, cells: list[str], times: Sequence[float | None]) -> bool:
    """Whether a column called `index` counts the rows: a number of its own for each, that grows with time."""
    if _name(table, at) not in _COUNTERS or table.program.name or len(cells) < 3:
        return False
    try:
        numbered = {
            (time, int(cell), tuple(row)) for time, cell, (_, row) in zip(times, cells, table.rows, strict=True)
        }
    except ValueError:
        return False
    counts = [count for _, count, _ in numbered]
    _refuse_counter_begun_again(table, at, times)
    in_order = sorted(numbered, key=lambda entry: entry[1])
    stamps = [time for time, _, _ in in_order if time is not None]
    if len(set(counts)) < len(counts) or len(set(stamps)) < 2 or stamps != sorted(stamps):
        return False
    # A few numbers within milliseconds are the GPUs of one poll.
    return len(stamps) > 16 or stamps[-1] - stamps[0] >= 0.05 * (len(stamps) - 1)


def _refuse_counter_begun_again(table: Table, at: int, times: Sequence[float | None]) -> None:
    """A count that begins again, each row as far from the last as from the next: no devices are polled like that."""
    known = [
        (time, int(row[at]), line) for time, (line, row) in zip(times, table.rows, strict=True) if time is not None
    ]
    within = sorted(after[0] - before[0] for before, after in pairwise(known) if after[1] == before[1] + 1)
    again = [(before, after) for before, after in pairwise(known) if after[1] < before[1]]
    if not again or len(within) < len(known) - len(again) - 1 or len({time for time, _, _ in known}) < len(known):
        return
    between_s = sorted(after[0] - before[0] for before, after in again)[len(again) // 2]
    usual_s = within[len(within) // 2] if within else 0.0
    if usual_s > 0.05 and usual_s >= 0.5 * between_s:
        raise table.place(again[0][1][2], at).fault(
            "begins again here: if it counts rows, delete the column; if it numbers devices, name it gpu"
        )


def _tidy(cell: str) -> str:
    """A label without needless blanks; a whole number as one, for pandas writes 1.0 if a cell is missing."""
    return re.sub(r"^(\d+)\.0$", r"\1", " ".join(cell.split()))
