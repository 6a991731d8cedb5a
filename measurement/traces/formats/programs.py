"""CSV logs by the program that wrote them: what its columns are called and what their joules cover.

Columns are those of the programs' manuals: nvidia-smi(1); `amd-smi monitor -p --csv -w 1` and `amd-smi metric -p`
(AMD SMI CLI); `rocm-smi --showpower --csv`; `xpu-smi dump -m 1` (Intel XPU Manager); Zeus's PowerMonitor and
zeus_monitor.
"""

from __future__ import annotations

import re

from measurement.errors import BadInput
from measurement.traces.table import Program, Table
from measurement.traces.units import Title, title_of

_BOARD = "the whole GPU board"
# The board's present power, then `power.draw`, whose meaning depends on the board, then the average.
_SMI = ("power.draw.instant", "power.draw", "power.draw.average")
_AMD = ("power_usage", "socket_power", "current_socket_power", "average_socket_power")
_ROCM = ("current socket graphics package power", "average graphics package power")
_ZEUS_POWER = re.compile(r"^power(\d+)$")
_ZEUS_STAMP = re.compile(r"\d\d:\d\d:\d\d\.\d{9}$")
_SECOND_DIE = re.compile(r"secondary die", re.IGNORECASE)

NVIDIA_SMI = Program(
    name="nvidia-smi",
    prefer=_SMI,
    scopes=dict.fromkeys(_SMI, _BOARD),
    advice="log with --query-gpu=timestamp,index,power.draw.instant,power.draw --format=csv",
)
_AMD_SMI = Program(
    name="amd-smi",
    prefer=_AMD,
    scopes=dict.fromkeys(_AMD, "the GPU's socket: its package with memory, not the whole board"),
    time_unit="s",
    advice="log with `amd-smi monitor -p --csv -w 1`",
)
_ROCM_SMI = Program(
    name="rocm-smi",
    prefer=_ROCM,
    scopes=dict.fromkeys(_ROCM, "the GPU's package with memory, not the whole board"),
    advice="rocm-smi writes no times: log with `amd-smi monitor -p --csv -w 1`",
)
_XPU_SMI = Program(
    name="xpu-smi",
    prefer=("gpu power",),
    scopes={"gpu power": "the GPU as Intel's driver reports it"},
    advice="log with `xpu-smi dump -d -1 -m 1 --date`",
)
_ZEUS = Program(
    name="Zeus's PowerMonitor",
    time_unit="s",
    notes=("read as a log of Zeus's PowerMonitor: seconds since 1970, then the watts of each GPU",),
)
_ZEUS_MONITOR = Program(
    name="Zeus's zeus_monitor", notes=("read as a log of Zeus's zeus_monitor: power in milliwatts",)
)
_NO_TRACES = (
    (
        {"emissions", "energy_consumed"},
        "a CodeCarbon summary, one line per run, not a power trace; its energies are in energy_consumed, in kWh",
    ),
    (
        {"window_name", "elapsed_time"},
        "a log of Zeus's measurement windows, not a power trace; its energies are in gpu0_energy …, in joules",
    ),
)


def recognize(table: Table) -> Table:
    """The table with its program, and units that the program leaves out. Raises BadInput for what is no trace."""
    names = set(table.names)
    for columns, what in _NO_TRACES:
        if columns <= names:
            raise BadInput(f"{table.path}: line {table.header_line}: this is {what}", field="trace")
    if "timestamp" in names and any("power.draw" in name for name in names):
        _with_units(table, _SMI, "W")
        table.program = NVIDIA_SMI
    elif {"gpu"} <= names and not names.isdisjoint(_AMD):
        _with_units(table, _AMD, "W")
        table.program = _AMD_SMI
    elif "device" in names and not names.isdisjoint(_ROCM):
        table.program = _ROCM_SMI
        _without_second_dies(table)
    elif "deviceid" in names and "gpu power" in names:
        _with_units(table, ("gpu power",), "W")
        table.program = _XPU_SMI
    elif "time" in names and any(_ZEUS_POWER.match(name) for name in names):
        table.titles = [_zeus_title(title) for title in table.titles]
        table.program = _ZEUS
    elif table.names == ["time", "power"] and _is_zeus_monitor(table):
        table.titles[1] = title_of("power [mW]")
        table.program = _ZEUS_MONITOR
    return table


def _with_units(table: Table, names: tuple[str, ...], unit: str) -> None:
    """A unit for those of the program's columns that have none."""
    table.titles = [
        Title(title.text, title.name, unit=unit) if title.name in names and not (title.unit or title.other) else title
        for title in table.titles
    ]


def _zeus_title(title: Title) -> Title:
    if title.name == "time":
        return Title(title.text, title.name, time_unit="s")
    return Title(title.text, title.name, unit="W") if _ZEUS_POWER.match(title.name) and not title.unit else title


def _is_zeus_monitor(table: Table) -> bool:
    """`Time,Power`, stamps of nine digits, milliwatts without a unit."""
    cells = table.cells(0)[:10]
    return bool(cells) and all(_ZEUS_STAMP.search(cell) for cell in cells)


def _without_second_dies(table: Table) -> None:
    """A card's second die has no power of its own: the first reports the socket's."""
    kept = [(line, row) for line, row in table.rows if not any(_SECOND_DIE.search(cell) for cell in row)]
    if len(kept) < len(table.rows):
        table.notes.append("rows of secondary dies were left out: the primary one reports the power of both")
        table.rows = kept
