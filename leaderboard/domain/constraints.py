"""Limits on an entry's figures: which there are, and amounts as people type them.

`static/leaderboard/limits.js` reads amounts the same way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

MOST_AMOUNT = 1e18
_COUNTS = {"": 0, "k": 3, "thousand": 3, "m": 6, "million": 6, "g": 9, "b": 9, "billion": 9, "t": 12, "trillion": 12}
_TIMES = {"": 0, "ms": 0, "s": 3, "us": -3, "µs": -3}
_BYTES = {"": 0, "b": 0, "kb": 3, "mb": 6, "gb": 9, "tb": 12}
# Powers of ten by unit, in lower case; of bytes also powers of 1024.
_UNITS = {"count": _COUNTS, "time": _TIMES, "memory": _BYTES}
_BINARY = {"kib": 1, "mib": 2, "gib": 3, "tib": 4}
_EXAMPLES = {"count": "25000000, 25 M or 1.5 B", "time": "10, 10 ms or 0.5 s", "memory": "512000000, 512 MB or 1 GiB"}

# ASCII digits only; commas before groups of three digits are left out, another comma is a point.
_TYPED = re.compile(r"(\d+(?:[.,]\d*)?|[.,]\d+)(?:e([+-]?\d{1,3}))?\s*([a-zµ]*)", re.ASCII | re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)", re.ASCII)
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Constraint:
    """A limit on a stored figure of an entry; `parameter` is its name in addresses, forms and queries.

    kind: the most or the least that passes. An entry without the figure never passes. noun and unit: of the figure.
    """

    parameter: str
    figure: str
    kind: Literal["max", "min"]
    noun: str
    amount: Literal["count", "time", "memory"]
    unit: str = ""

    @property
    def sign(self) -> str:
        """≤ or ≥."""
        return "≤" if self.kind == "max" else "≥"


CONSTRAINTS = (
    Constraint("max_latency_p50_ms", "latency_p50_ms", "max", "latency", "time", "ms"),
    Constraint("max_parameters", "parameters", "max", "parameters", "count"),
    Constraint("max_macs", "macs", "max", "MACs", "count"),
    Constraint("max_peak_memory_bytes", "peak_memory_bytes", "max", "memory", "memory", "B"),
    Constraint("min_batch_size", "batch_size", "min", "batch", "count"),
    Constraint("max_batch_size", "batch_size", "max", "batch", "count"),
)
BY_PARAMETER = {constraint.parameter: constraint for constraint in CONSTRAINTS}


def allowed_amount(constraint: Constraint) -> str:
    """What may be typed, in words."""
    return f"a number above 0, such as {_EXAMPLES[constraint.amount]}"


def parse_amount(text: str, constraint: Constraint) -> float:
    """Read a limit as people write it, in the unit of the constraint's figure.

    Raises ValueError, with what is allowed, for anything else, and outside 0 (excluded) to 1e18.
    """
    stripped = text.strip()
    spaced = stripped.replace("\u00a0", " ").replace("\u202f", " ")
    plain = _GROUPED.sub(lambda found: found[0].replace(",", ""), spaced, count=1)
    found = _TYPED.fullmatch(plain)
    unit = found[3].lower() if found else ""
    powers = _UNITS[constraint.amount]
    binary = _BINARY.get(unit) if constraint.amount == "memory" else None
    amount = 0.0
    if found and (unit in powers or binary is not None):
        # The point is moved, not multiplied by: 4.1 G is 4100000000.
        exponent = int(found[2] or 0) + powers.get(unit, 0)
        amount = float(f"{found[1].replace(',', '.')}e{exponent}") * 1024.0 ** (binary or 0)
    if not 0 < amount <= MOST_AMOUNT:
        shown = stripped if len(stripped) <= _SHOWN_CHARACTERS else stripped[:_SHOWN_CHARACTERS] + "…"
        raise ValueError(f"is {shown!r}, but must be {allowed_amount(constraint)}")
    return amount
