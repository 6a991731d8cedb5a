"""Joules, watts and counts in sentences."""

from __future__ import annotations

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"))


def joules(energy_j: float) -> str:
    """E.g. `412 MJ`, three significant digits."""
    for factor, prefix in PREFIXES:
        if energy_j >= factor:
            return f"{_three(energy_j / factor)} {prefix}J"
    return f"{energy_j:.3g} J"


def count(value: float) -> str:
    """E.g. `1,281,167`; four significant digits below a thousand."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def between(low: float, high: float | None) -> str:
    """E.g. `30 to 60`, or the one value."""
    return count(low) if high is None else f"{count(low)} to {count(high)}"


def _three(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
