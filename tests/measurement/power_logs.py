"""Makes power logs of one to eight devices in every layout, with the exact joules of each device.

A log is all of its seed: layout, names, units, loss, jitter, order, duplicates, and when each device starts and ends.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq

ZERO = datetime(2026, 2, 3, 10, 0, 0, tzinfo=UTC)

DEVICE_COLUMNS = {
    "gpu_index": "{}", "gpu": "{}", "gpu_id": "{}", "GPU ID": "{}", "device": "{}", "DeviceId": "{}", "index": "{}",
    "card": "card{}", "Device": "cuda:{}", "name": "RTX no. {}", "hostname": "node{}", "node": "n-{}",
    "uuid": "GPU-8f{}c-11", "pci.bus_id": "00000000:0{}:00.0", "bus_id": "0000:c{}:00.0", "serial": "13204{}",
    "entity": "GPU {}", "rank": "{}", "socket": "S{}", "sensor": "gpu{}",
}  # fmt: skip
WIDE_COLUMNS = ("gpu{}_w", "GPU{} Power (W)", "power_gpu{}_watts", "GPU {} [W]", "card{}_power_w", "power{}_w")
POWERS = (
    ("power_w", 1), ("Power (W)", 1), ("power [mW]", 1000), ("watts", 1), ("power_watts", 1), ("total_watts", 1),
    ("Power / W", 1), ("power_mw", 1000), ("PowerWatts", 1), ("power.draw [W]", 1),
)  # fmt: skip
TIMES = ("timestamp_s", "time_ms", "timestamp", "Time (s)", "elapsed_seconds")
LAYOUTS = (
    "long",
    "long",
    "wide",
    "wide",
    "unlabelled",
    "unlabelled",
    "nvidia-smi",
    "dmon",
    "dcgmi",
    "amd-smi",
    "xpu-smi",
)

Row = tuple[int, int, int]
"""Milliseconds, device, milliwatts."""


@dataclass
class Log:
    """A log's bytes and what is right: `exact_j` of each device by its number; None if it can't be integrated."""

    seed: int
    layout: str
    content: bytes
    exact_j: dict[int, Fraction | None]
    options: dict[str, object] = field(default_factory=dict)
    is_plain: bool = False

    @property
    def tells_devices(self) -> bool:
        return self.layout != "unlabelled"


def make_log(seed: int) -> Log:
    """The log of this seed."""
    chance = random.Random(seed)
    layout = chance.choice(LAYOUTS)
    devices = chance.choice((1, 2, 2, 3, 4, 8, chance.randint(1, 8)))
    whole_seconds = layout in ("dmon", "amd-smi")
    period = chance.choice((1000, 2000) if whole_seconds else (100, 500, 1000, 1000, 5000))
    loss = chance.choice((0, 0, 0.05, 0.2))
    rows = _readings(chance, layout, devices, period, loss)
    while layout == "unlabelled" and devices > 1 and not _shows_several(rows, period):
        rows = _readings(chance, layout, devices, period, loss)
    exact_j = {device: _exact_j([row for row in rows if row[1] == device]) for device in {row[1] for row in rows}}
    doubled = chance.random() < 0.25
    if doubled and layout not in ("dcgmi",):
        rows = [row for row in rows for _ in range(2 if chance.random() < 0.1 else 1)]
    order = chance.choice(("kept", "kept", "swapped", "shuffled"))
    rows = _reordered(chance, rows, order)
    log = Log(seed, layout, b"", exact_j, is_plain=not doubled and order == "kept" and loss == 0)
    _WRITERS[layout](chance, rows, log)
    return log


def _readings(chance: random.Random, layout: str, devices: int, period: int, loss: float) -> list[Row]:
    """Rows in order of time. Devices that nothing tells apart share stamps, or follow each other within a poll."""
    number = chance.randint(10, 24) if layout == "unlabelled" else chance.randint(3, 24)
    late = layout not in ("wide", "unlabelled") and chance.random() < 0.4
    apart = 0 if layout in ("wide", "dmon", "amd-smi") else chance.choice((0, 1, 4))
    jitter = 0 if apart == 0 else chance.choice((0, 0, 1))
    sway = chance.choice((0, 0, period // 5)) if layout not in ("dmon", "amd-smi") else 0
    steady = chance.random() < 0.5
    levels = [chance.randint(40_000, 600_000) // 10 * 10 for _ in range(devices)]
    stretches = [(0, number)] * devices
    if late:
        stretches = [(chance.randint(0, number // 2), chance.randint(number // 2, number)) for _ in range(devices)]
    rows: list[Row] = []
    for poll in range(number):
        began = poll * period + chance.randint(0, sway)
        for device in range(devices):
            first, last = stretches[device]
            if not first <= poll < last or chance.random() < loss:
                continue
            around = chance.randint(-2000, 2000) if steady else chance.randint(-30_000, 300_000)
            power = levels[device] + around // 10 * 10
            rows.append((began + device * apart + chance.randint(0, jitter), device, power))
    return sorted(rows, key=lambda row: row[0])


def _shows_several(rows: list[Row], period: int) -> bool:
    """Whether a third of the polls hold several devices: of fewer, no reader could tell."""
    steps = [after[0] - before[0] for before, after in pairwise(rows)]
    return 3 * sum(step <= period // 10 for step in steps) >= sum(step > period // 10 for step in steps)


def _exact_j(rows: list[Row]) -> Fraction | None:
    if len({row[0] for row in rows}) < 2:
        return None
    return sum((Fraction(power * (after - at), 10**6) for (at, _, power), (after, *_) in pairwise(rows)), Fraction(0))


def _reordered(chance: random.Random, rows: list[Row], order: str) -> list[Row]:
    rows = list(rows)
    if order == "shuffled":
        chance.shuffle(rows)
    for _ in range(len(rows) // 10 if order == "swapped" else 0):
        at = chance.randrange(len(rows) - 1)
        rows[at], rows[at + 1] = rows[at + 1], rows[at]
    return rows


def _seconds(value: int, factor: int = 1) -> str:
    """Thousandths as a decimal number, times `factor` (1 or 1000)."""
    return str(value) if factor == 1000 else f"{value // 1000}.{value % 1000:03}"


def _stamp(time_ms: int, form: str = "%Y/%m/%d %H:%M:%S.") -> str:
    return (ZERO + timedelta(milliseconds=time_ms)).strftime(form) + f"{time_ms % 1000:03}"


def _time(title: str, time_ms: int) -> str:
    if title == "timestamp":
        return _stamp(time_ms, "%Y-%m-%dT%H:%M:%S.")
    return str(time_ms) if title.endswith("ms") else _seconds(time_ms)


def _table(chance: random.Random, header: list[str], rows: list[list[str]], log: Log) -> None:
    """Cells as CSV in one of its dresses, or as Parquet with columns of numbers where they are numbers."""
    if chance.random() < 0.3:
        columns = {title: _typed([row[at] for row in rows]) for at, title in enumerate(header)}
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink)
        log.content = sink.getvalue()
        return
    mark, end = chance.choice((",", ";", "\t", ", ")), chance.choice(("\n", "\r\n"))
    text = "".join(mark.join(row) + end for row in [header, *rows])
    log.content = text.encode(chance.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")))


def _typed(cells: list[str]) -> pa.Array:
    try:
        return pa.array([None if cell == "" else float(cell) if "." in cell else int(cell) for cell in cells])
    except ValueError:
        return pa.array(cells)


def _long(chance: random.Random, rows: list[Row], log: Log) -> None:
    (power, factor), time = chance.choice(POWERS), chance.choice(TIMES)
    name = chance.choice(list(DEVICE_COLUMNS))
    header, label = [time, power], DEVICE_COLUMNS[name]
    cells = [[_time(time, at), _seconds(watts, factor), label.format(device)] for at, device, watts in rows]
    if name == "gpu" and chance.random() < 0.5:
        # Two hosts, each with GPUs from 0 on: neither column alone tells them apart.
        header = [*header, "gpu", "hostname"]
        cells = [
            [*row[:2], str(device // 2), f"node{device % 2}"] for row, (_, device, _) in zip(cells, rows, strict=True)
        ]
        log.options["labels"] = {device: f"node{device % 2}/{device // 2}" for _, device, _ in rows}
    else:
        header = [*header, name]
        log.options["labels"] = {device: label.format(device) for _, device, _ in rows}
    if chance.random() < 0.3:
        header, cells = [*header, "model"], [[*row, "H200"] for row in cells]
    if chance.random() < 0.3 and name != "index":
        header, cells = ["index", *header], [[str(number), *row] for number, row in enumerate(cells)]
    _table(chance, header, cells, log)


def _wide(chance: random.Random, rows: list[Row], log: Log) -> None:
    time, title = chance.choice(TIMES), chance.choice(WIDE_COLUMNS)
    numbers = sorted({device for _, device, _ in rows})
    lines: dict[int, dict[int, int]] = {}
    for at, device, power in rows:
        lines.setdefault(at, {})[device] = power
    header = [time, *(title.format(device) for device in numbers)]
    cells = [
        [_time(time, at), *(_seconds(powers[device]) if device in powers else "" for device in numbers)]
        for at, powers in lines.items()
    ]
    log.options["labels"] = {device: str(device) for device in numbers}
    _table(chance, header, cells, log)


def _unlabelled(chance: random.Random, rows: list[Row], log: Log) -> None:
    (power, factor), time = chance.choice(POWERS), chance.choice(TIMES)
    extra = chance.choice(([], ["serial", "[N/A]"], ["name", "GPU model"], ["temperature", "50"]))
    cells = [[_time(time, at), _seconds(watts, factor), *extra[1:]] for at, _, watts in rows]
    _table(chance, [time, power, *extra[:1]], cells, log)


def _nvidia_smi(chance: random.Random, rows: list[Row], log: Log) -> None:
    unit = chance.choice((" W", ""))
    column = chance.choice(("power.draw", "power.draw.instant"))
    text = f"timestamp, index, name, {column} [W]\n" + "".join(
        f"{_stamp(at)}, {device}, NVIDIA H200, {_seconds(power)}{unit}\n" for at, device, power in rows
    )
    log.content = text.encode()


def _dmon(chance: random.Random, rows: list[Row], log: Log) -> None:
    head = "#Date       Time        gpu    pwr  gtemp\n#YYYYMMDD   HH:MM:SS    Idx      W      C\n"
    lines = [
        f" {_stamp(at, '%Y%m%d   %H:%M:%S ')[:-4]}   {device}   {_seconds(power)}   40\n"
        for at, device, power in rows
    ]
    log.content = "".join([head, *(head + line if at % 20 == 19 else line for at, line in enumerate(lines))]).encode()


def _dcgmi(chance: random.Random, rows: list[Row], log: Log) -> None:
    """With the time that `ts '%Y-%m-%d %H:%M:%.S'` writes before each line."""
    header = [
        f"{_stamp(0, '%Y-%m-%d %H:%M:%S.')} {line}\n"
        for line in ("#Entity   POWER   SMACT", "ID        W            ")
    ]
    lines = [
        f"{_stamp(at, '%Y-%m-%d %H:%M:%S.')} GPU {device}     {_seconds(power)}   0.500\n"
        for at, device, power in rows
    ]
    log.content = "".join([*header, *lines]).encode()


def _amd_smi(chance: random.Random, rows: list[Row], log: Log) -> None:
    lines = [f"{1_770_000_000 + at // 1000},{device},{_seconds(power)}\n" for at, device, power in rows]
    head = "timestamp,gpu,power_usage\n"
    log.content = (
        head + "".join(lines) if chance.random() < 0.5 else "\n".join(head + line for line in lines)
    ).encode()


def _xpu_smi(chance: random.Random, rows: list[Row], log: Log) -> None:
    form = chance.choice(("%H:%M:%S.", "%Y/%m/%d %H:%M:%S."))
    log.content = (
        "Timestamp, DeviceId, GPU Power (W)\n"
        + "".join(f"{_stamp(at, form)},    {device}, {_seconds(power)}\n" for at, device, power in rows)
    ).encode()


_WRITERS = {
    "long": _long,
    "wide": _wide,
    "unlabelled": _unlabelled,
    "nvidia-smi": _nvidia_smi,
    "dmon": _dmon,
    "dcgmi": _dcgmi,
    "amd-smi": _amd_smi,
    "xpu-smi": _xpu_smi,
}
