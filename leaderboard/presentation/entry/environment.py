"""Hardware and software of an entry's run, a line for each thing that is known, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from leaderboard.presentation.format import SPACE, fixed

# Endings of a stored name -> its unit, the longer first.
_UNITS = (
    ("_w_per_gib", "W/GiB"),
    ("_bytes", "GiB"),
    ("_mhz", "MHz"),
    ("_ms", "ms"),
    ("_mb", "MiB"),
    ("_pct", "%"),
    ("_w", "W"),
    ("_s", "s"),
    ("_c", "°C"),
)
_BYTES_IN_GIB = 2**30
# Words that are written otherwise than in the record.
_WRITTEN = {"cpu": "CPU", "gpu": "GPU", "sm": "SM", "tf32": "TF32", "uuid": "UUID", "cuda": "CUDA", "mig": "MIG"}
# Packages that only a GPU uses, though they are installed on a machine without one too.
_OF_GPUS = {"cuda", "nvidia-ml-py", "tf32_matmul", "tf32_convolution"}
_NAMES = {"full-cycle-energy-leaderboard": "This site's software", "python": "Python", "platform": "Operating system"}


def environment(record: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Lines of (name, value); what is unknown is left out, and of a CPU whatever belongs to GPUs."""
    if not record:
        return []
    hardware: Mapping[str, Any] = record.get("hardware") or {}
    skipped = _OF_GPUS if hardware.get("kind") == "cpu" else set()
    named = {
        "hardware": hardware.get("name"),
        "driver": hardware.get("driver"),
        "device": hardware.get("uuid"),
        **{name: value for name, value in hardware.items() if name in ("power_limit_w", "cores", "memory_bytes")},
        **(hardware.get("settings") or {}),
    }
    versions = {name: value for name, value in (record.get("software") or {}).items() if name not in skipped}
    lines = _lines({name: value for name, value in named.items() if name not in skipped})
    return [*lines, *((_NAMES.get(name, name), str(value)) for name, value in versions.items() if value is not None)]


def _lines(values: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, str]]:
    """A line for each value; those of a group within follow its name."""
    for name, value in values.items():
        if value is None or value in ({}, [], ""):
            continue
        if isinstance(value, Mapping):
            yield from _lines(value, f"{group}{_words(name)}: ")
            continue
        stem, unit = _unit(name, value)
        title = f"{group}{_words(stem)}"
        yield title[0].upper() + title[1:], _text(value, unit)


def _unit(name: str, value: Any) -> tuple[str, str]:
    """A stored name without its unit, and the unit; only figures have one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return name, ""
    return next(((name.removesuffix(end), unit) for end, unit in _UNITS if name.endswith(end)), (name, ""))


def _words(name: str) -> str:
    return " ".join(_WRITTEN.get(word, word) for word in str(name).replace("-", "_").split("_"))


def _text(value: Any, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "GiB":
        return f"{fixed(value / _BYTES_IN_GIB, 1)}{SPACE}GiB"
    if isinstance(value, int | float):
        return f"{value:,.6g}{SPACE}{unit}".rstrip()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(_text(item, "") for item in value)
    return str(value)
