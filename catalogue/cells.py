"""How a cell of a table is read. Each reader says what is wrong with the value and then what to do."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

Reader = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; a cell of an optional one may be empty and is then None: not known."""

    read: Reader
    required: bool = True


def optional(read: Reader) -> Column:
    """A column whose cells may be empty."""
    return Column(read, required=False)


def text(cell: str) -> str:
    """One line of words, at most 300 characters."""
    if len(cell) > 300 or not cell.isprintable():
        raise ValueError(f"{cell[:40]!r} is long or holds control characters; write at most 300 plain characters")
    return cell


def tag(cell: str) -> str:
    """timm's name of weights, `architecture.tag`."""
    if not re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", cell):
        raise ValueError(f"{cell!r} is not a name with a tag; write architecture.tag, e.g. resnet50.a1_in1k")
    architecture(cell.partition(".")[0])
    return cell


@cache
def known_architectures() -> frozenset[str]:
    """The names that measurement/architectures.txt lists."""
    return frozenset(resources.files("measurement").joinpath("architectures.txt").read_text("utf-8").split())


def architecture(cell: str) -> str:
    """A name that measurement/architectures.txt lists."""
    if cell not in known_architectures():
        close = difflib.get_close_matches(cell, list(known_architectures()), n=3)
        like = f" ({' or '.join(close)}?)" if close else ""
        raise ValueError(f"{cell!r} is not an architecture of timm{like}; take one of measurement/architectures.txt")
    return cell


def one_of(words: Collection[str]) -> Reader:
    """A word out of a list."""

    def read(cell: str) -> str:
        if cell not in words:
            raise ValueError(f"{cell!r} is not known here; write one of {', '.join(words)}")
        return cell

    return read


def number(*, above: float = -math.inf, least: float = -math.inf, most: float = math.inf, unit: str = "") -> Reader:
    """A decimal number in a range, in the unit that the messages name."""

    def read(cell: str) -> float:
        try:
            value = float(cell)
        except ValueError:
            raise ValueError(f"{cell!r} is not a number; write a plain number{_in(unit)}") from None
        if not math.isfinite(value):
            raise ValueError(f"{cell} is not finite; write a plain number{_in(unit)}")
        if value <= above:
            raise ValueError(f"{cell} is not above {above:g}; write a number above {above:g}{_in(unit)}")
        if value < least:
            raise ValueError(f"{cell} is below {least:g}; write a number of at least {least:g}{_in(unit)}")
        if value > most:
            raise ValueError(f"{cell} is above {most:g}; write a number of at most {most:g}{_in(unit)}")
        return value

    return read


def _in(unit: str) -> str:
    return f" in {unit}" if unit else ""


def share(cell: str) -> float:
    """From 0 to 1."""
    value: float = number(least=0)(cell)
    if value > 1:
        raise ValueError(f"{cell} is above 1; write a share from 0 to 1 (76.1 % is 0.761)")
    return value


def whole(*, least: int, most: int, unit: str) -> Reader:
    """A whole number in a range."""

    def read(cell: str) -> int:
        if not re.fullmatch(r"-?\d+", cell):
            raise ValueError(f"{cell!r} is not a whole number; write digits alone, in {unit}")
        value = int(cell)
        if not least <= value <= most:
            raise ValueError(f"{cell} is not between {least} and {most}; write a number in that range, in {unit}")
        return value

    return read


pixels = whole(least=8, most=2048, unit="pixels")
"""Height and width of an image."""
