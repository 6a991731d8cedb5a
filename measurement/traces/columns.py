"""Which columns of a power log are integrated: the one asked for, the best one, or one for each device."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from measurement.errors import BadInput
from measurement.traces.cells import is_absent, is_number, said_unit
from measurement.traces.table import Table
from measurement.traces.units import AMBIGUOUS, WATTS, Title, power_unit

ALL_GPUS = "all"

_DEVICE_WORD = re.compile(r"(?:^|[^a-z])(?:x?gpu|device|dev|card|accelerator|npu|tpu|power)(?:[^a-z]|$)")
_BARE_DEVICE = re.compile(r"^(?:x?gpu|device|dev|card|accelerator|npu|tpu|)[\s_.:-]*\d+$")
_COPY = re.compile(r"[._ ]\d+$")
_OTHER_QUANTITIES = frozenset((
    "temperature", "temp", "tmp", "utilization", "utilisation", "util", "usage", "load", "clock", "clocks", "freq",
    "frequency", "memory", "mem", "fan", "voltage", "current", "energy", "energies", "time", "duration", "count",
    "speed", "throughput", "step", "epoch", "loss",
))  # fmt: skip
UNSURE_ABOVE_W = 5_000.0
"""Above this, numbers without a unit are likely milliwatts."""


@dataclass(slots=True)
class Chosen:
    """Columns to integrate: position -> device, empty unless each is a device's. `units` are keys of WATTS."""

    devices: dict[int, str]
    units: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def choose(table: Table, column: str | None, unit: str | None, gpu: str | None, taken: Sequence[int]) -> list[Chosen]:
    """The candidates, best first. All but the last may be passed over for want of readings.

    taken: positions of the columns of time and of devices. Raises BadInput if no column, or no single one, is power.
    """
    asked = asked_unit(unit)
    if column is not None:
        at = _named(table, column)
        return [_with_units(table, {at: ""}, asked, explicit=True)]
    free = [at for at in range(len(table.titles)) if at not in taken]
    preferred = [at for name in table.program.prefer for at in free if table.titles[at].name == name]
    if preferred:
        if copies := [at for at in free if _COPY.sub("", table.titles[at].name) in table.program.prefer]:
            _refuse_copies(table, copies)
        return [_with_units(table, {at: ""}, asked) for at in preferred]
    offered = [at for at in free if _is_power(table, at, with_unit=asked is not None)]
    bare = [at for at in free if _BARE_DEVICE.match(table.titles[at].name) and _is_bare(table.titles[at])]
    if not offered and bare and (asked or gpu is not None):
        return [_bare_devices(table, bare, asked, gpu)]
    picked = _with_units(table, _pick(table, offered, bare, gpu), asked)
    others = [table.titles[at].name for at in offered if at not in picked.devices]
    if others and gpu is None:
        picked.notes.append(f"power_w was integrated; {', '.join(others)} not")
    return [picked]


def _pick(table: Table, offered: list[int], bare: list[int], gpu: str | None) -> dict[int, str]:
    """The only column, `power_w`, or those of the devices."""
    groups = _groups(table, offered)
    plain = table.at("power_w")
    copies = [at for at in offered if plain is not None and _COPY.sub("", table.titles[at].name) == "power_w"]
    if gpu is not None and groups:
        if len(groups) > 1:
            raise _several(table, offered)
        return groups[0]
    if plain in offered and len(copies) == 1:
        return {plain: ""}
    if len(offered) == 1:
        return {offered[0]: ""}
    if not offered:
        raise _nothing(table, bare)
    if len(groups) == 1 and len(groups[0]) == len(offered):
        return groups[0]
    raise _several(table, offered)


def _groups(table: Table, offered: Sequence[int]) -> list[dict[int, str]]:
    """Columns whose names differ by one number alone, such as `gpu0_w` and `gpu1_w`: position -> number.

    Those named after a GPU or a device come alone if there are any, for `cpu0_w` is of another kind.
    """
    found: dict[str, dict[int, str]] = {}
    for at in offered:
        name = table.titles[at].name
        for number in re.finditer(r"\d+", name):
            pattern = f"{name[: number.start()]}#{name[number.end() :]}"
            found.setdefault(pattern, {})[at] = str(int(number[0]))
        if not name[-1:].isdigit():
            found.setdefault(f"{name}.#", {})[at] = ""
    devices = {pattern: group for pattern, group in found.items() if _DEVICE_WORD.search(pattern)}
    exact = {pattern: group for pattern, group in devices.items() if pattern in ("gpu#_w", "power#", "gpu#")}
    several = [
        group
        for pattern, group in found.items()
        if len(group) > 1 and (pattern in devices or len(group) == len(offered))
    ]
    numbered = [group for group in devices.values() if all(group.values())]
    groups = (
        list(exact.values())[:1] or [group for group in several if group in devices.values()] or several or numbered
    )
    kept: list[dict[int, str]] = []
    for group in sorted(groups, key=len, reverse=True):
        if not any(set(group) <= set(other) for other in kept):
            kept.append(group)
    return [_labelled(table, group) for group in kept]


def _labelled(table: Table, group: dict[int, str]) -> dict[int, str]:
    """Each column's number, or its whole name where a number is missing or comes twice."""
    labels = list(group.values())
    if all(labels) and len(set(labels)) == len(labels):
        return group
    names = [table.titles[at].text for at in group]
    if len(set(names)) < len(names):
        raise table.fault(f"several columns have the same title ({', '.join(names)}): give each its own")
    return dict(zip(group, names, strict=True))


def _refuse_copies(table: Table, copies: Sequence[int]) -> None:
    """Two columns of one title are of two devices, of which the log doesn't say which is which."""
    names = [_COPY.sub("", table.titles[at].name) for at in copies]
    if twice := next((name for name in names if names.count(name) > 1), None):
        texts = ", ".join(table.titles[at].text for at in copies if _COPY.sub("", table.titles[at].name) == twice)
        raise table.fault(f"{names.count(twice)} columns are called {twice} ({texts}); choose one with --column")


def _is_power(table: Table, at: int, *, with_unit: bool) -> bool:
    """Whether a column holds watts: by its title, by its cells, or by its name if the unit is given."""
    title = table.titles[at]
    if title.is_limit or title.time_unit or title.other:
        return False
    if title.unit or (with_unit and title.is_called_power):
        return True
    first = next((cell for cell in table.cells(at) if not is_absent(cell)), "")
    return bool(said_unit(first))


def _is_bare(title: Title) -> bool:
    return not (title.unit or title.other or title.time_unit)


def _named(table: Table, column: str) -> int:
    """The column that is meant: by its whole title, else by its name without unit. Raises BadInput if none or two."""
    wanted = " ".join(column.split()).casefold()
    bare = re.sub(r"\s*[\[(].*$", "", wanted)
    titles, names = [title.text.casefold() for title in table.titles], table.names
    for spelt, said in ((titles, wanted), (names, wanted), (names, bare)):
        found = [at for at, spelling in enumerate(spelt) if spelling == said]
        if len(found) == 1:
            return found[0]
        if found:
            texts = ", ".join(table.titles[at].text for at in found)
            raise BadInput(f"{table.path}: several columns are called {column!r} ({texts})", field="--column")
    powers = [title.name for at, title in enumerate(table.titles) if _is_power(table, at, with_unit=True)]
    there = ", ".join(powers or [title.text for title in table.titles]) or "none"
    raise BadInput(f"{table.path}: no power column {column!r}; it has {there}", field="--column")


def asked_unit(unit: str | None) -> str | None:
    """The key of WATTS that `--unit` means. Raises BadInput for what is no unit of power."""
    if unit is None:
        return None
    found = power_unit(unit)
    if found not in WATTS:
        raise BadInput(f"{unit!r} is not a unit of power; use one of {', '.join(WATTS)}", field="--unit")
    return found


def _with_units(table: Table, devices: dict[int, str], asked: str | None, *, explicit: bool = False) -> Chosen:
    """Each column's unit: of its title, of its cells, or as asked. Raises BadInput where they differ or all lack."""
    chosen = Chosen(devices)
    for at in devices:
        title = table.titles[at]
        cells = {said_unit(cell) for cell in table.cells(at) if not is_absent(cell)}
        said = title.unit if title.unit != AMBIGUOUS else ""
        if asked and ((said and said != asked) or (cells - {"", asked})):
            other = said or next(iter(cells - {"", asked}))
            raise BadInput(
                f"{table.path}: column {title.name} says {other}, not {asked}; leave --unit out", field="--unit"
            )
        if title.unit == AMBIGUOUS and not asked:
            raise _title_fault(table, at, "has the unit MW, megawatts; write mW or say --unit mW")
        if title.other and not asked:
            raise BadInput(
                f"{table.path}: column {title.name} is in {title.other}, not a power; if it is one, say --unit W",
                field="--column",
            )
        if not (said or asked) and "" in cells:
            if explicit and not title.is_called_power and not _OTHER_QUANTITIES.isdisjoint(title.words):
                raise BadInput(
                    f"{table.path}: column {title.name} is no power by its name; if it is one, say --unit W",
                    field="--column",
                )
            if not explicit:
                raise _title_fault(table, at, "has no unit: name it power_w or power_mw, or say --unit W")
            chosen.notes.append(_assumed(table, [at]))
        chosen.units[at] = asked or said or "W"
    return chosen


def _bare_devices(table: Table, bare: list[int], asked: str | None, gpu: str | None) -> Chosen:
    """Columns `GPU0,GPU1` without a unit: read as watts if they can be nothing else."""
    devices = _labelled(table, {at: str(int(re.findall(r"\d+", table.titles[at].name)[0])) for at in bare})
    if asked:
        return _with_units(table, devices, asked)
    return Chosen(devices, dict.fromkeys(bare, "W"), [_assumed(table, bare, at_least=100.0)])


def _assumed(table: Table, ats: Sequence[int], at_least: float = 0.0) -> str:
    """The note that numbers without a unit are read as watts. Raises BadInput if they may be something else."""
    names = ", ".join(table.titles[at].name for at in ats)
    values = [
        float(cell.strip().replace(",", "."))
        for at in ats
        for cell in table.cells(at)
        if is_number(cell) and not said_unit(cell)
    ]
    if values and not at_least < max(values) <= UNSURE_ABOVE_W:
        raise BadInput(
            f"{table.path}: {names} without a unit, up to {max(values):g}: say --unit W or --unit mW if it is power",
            field="--unit",
        )
    return f"{names} without a unit: read as watts; --unit mW reads milliwatts"


def _title_fault(table: Table, at: int, what: str) -> BadInput:
    return table.fault(f"column {table.titles[at].name} {what}")


def _several(table: Table, offered: Sequence[int]) -> BadInput:
    names = ", ".join(table.titles[at].name for at in offered)
    return BadInput(
        f"{table.path}: has no column power_w and several power columns ({names}); choose one with --column",
        field="--column",
    )


def _nothing(table: Table, bare: list[int]) -> BadInput:
    """What is missing, with the column that may be meant."""
    called = [at for at, title in enumerate(table.titles) if title.is_called_power and _is_bare(title)]
    if len(bare) > 1:
        names = ", ".join(table.titles[at].name for at in bare)
        return table.fault(
            f"columns of {len(bare)} GPUs ({names}) have no unit: name them gpu0_w, gpu1_w …, or say --unit W, and "
            f"--gpu N or --gpu {ALL_GPUS}"
        )
    for at in (bare or called)[:1]:
        return _title_fault(table, at, "has no unit: name it power_w or power_mw, or say --unit W")
    return table.fault(
        f"has columns {', '.join(title.text for title in table.titles)}; required are timestamp_s and power_w, or a "
        f"log of a program that docs/command-line.md lists; {table.program.advice}"
    )
