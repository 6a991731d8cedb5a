"""Results of the meters' comparison in figures: each row of the terminal with its bound."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bench import held
from bench.meters_cards import KINDS

TOOLS = ("ours", "Zeus", "CodeCarbon")
MAX_SLOWDOWN = 0.005


def summary(results: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted). Our rows are marked if they miss their bound."""
    errors = {
        tool: errors_of(results["windows"], lambda window, t=tool: window["tool"] == t and is_long(window))
        for tool in TOOLS
    }
    classes = _classes_lost(results["windows"])
    short, part_time, long = results["short"], results["part_time"], errors_of(results["long"])
    by_kind = [coverage([trial for trial in short if trial["kind"] == kind]) for kind in KINDS]
    ours = results["costs"]["ours"]
    return [
        ("ours: error in windows of 5 s and longer", pair(errors["ours"]), _accurate(errors["ours"])),
        *((f"{tool}: the same", pair(errors[tool]), "for comparison") for tool in TOOLS[1:]),
        (
            "kinds of power where another's median or worst is smaller",
            ", ".join(classes) or "none",
            held("none", len(classes), 0),
        ),
        ("ours in virtual time, without delays", pair(long), _accurate(long)),
        (
            f"95 % interval in {len(short)} windows of 0.5 to 5 s",
            percent(coverage(short), 1),
            held("93 to 99 %", abs(coverage(short) - 0.96), 0.03),
        ),
        (
            "the same by kind of power, least and most",
            f"{percent(min(by_kind), 1)}, {percent(max(by_kind), 1)}",
            held("least ≥ 93 %", 0.93, min(by_kind)),
        ),
        (
            f"the same in {len(part_time)} with a part-time counter",
            percent(coverage(part_time), 1),
            held("≥ 90 %", 0.9, coverage(part_time)),
        ),
        (
            "opening and closing beyond the tick wait",
            f"{1e3 * ours['beyond_s']:.2f} ms",
            held("≤ 5 ms", ours["beyond_s"], 0.005),
        ),
        ("sampling", f"{percent(ours['share_of_core'])} of a core", held("≤ 1 %", ours["share_of_core"], 0.01)),
        *(
            (
                f"slowdown of a training step, {name}",
                median_range(results["slowdowns"][clock]),
                _decided(results["slowdowns"][clock]),
            )
            for clock, name in (("wall", "wall clock"), ("cpu", "the thread's CPU time"))
        ),
    ]


def _accurate(errors: Sequence[float]) -> str:
    worst_of_both = max(statistics.median(errors) / 0.005, max(errors) / 0.02)
    return held("median ≤ 0.5 %, worst ≤ 2 %", worst_of_both, 1)


def _classes_lost(windows: Sequence[dict[str, Any]]) -> list[str]:
    """The kinds of power where another tool's median or worst error in windows of 5 s and longer was below ours."""
    lost = []
    for kind in KINDS:
        long = [window for window in windows if window["kind"] == kind and is_long(window)]
        errors = {tool: errors_of(long, lambda window, t=tool: window["tool"] == t) for tool in TOOLS}
        least = [min(of(errors[tool]) for tool in TOOLS[1:]) for of in (statistics.median, max)]
        if statistics.median(errors["ours"]) > least[0] or max(errors["ours"]) > least[1]:
            lost.append(kind)
    return lost


def _decided(slowdowns: Sequence[float]) -> str:
    """The bound of a slowdown: missed if its interval lies above, not decided if it lies on both sides."""
    low, high = _range_of_median(slowdowns)
    if low <= MAX_SLOWDOWN < high:
        return "≤ 0.5 % (not decided)"
    return held("≤ 0.5 %", low, MAX_SLOWDOWN)


def is_long(window: dict[str, Any]) -> bool:
    return bool(window["window_s"] >= 5)


def errors_of(
    windows: Iterable[dict[str, Any]], chosen: Callable[[dict[str, Any]], bool] = lambda window: True
) -> list[float]:
    """Relative errors without sign; a window without a figure counts as an error of 100 %."""
    return [
        1.0 if window["measured_j"] is None else abs(window["measured_j"] / window["true_j"] - 1)
        for window in windows
        if chosen(window)
    ]


def coverage(trials: Sequence[dict[str, Any]]) -> float:
    inside = [
        None not in (trial["measured_j"], trial["repeatability_u95_j"])
        and abs(trial["measured_j"] - trial["true_j"]) <= trial["repeatability_u95_j"]
        for trial in trials
    ]
    return sum(inside) / len(inside) if inside else math.nan


def pair(errors: Sequence[float]) -> str:
    return f"{percent(statistics.median(errors))}, {percent(max(errors))}" if errors else "—"


def percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


def median_range(values: Sequence[float]) -> str:
    low, high = _range_of_median(values)
    return f"{percent(statistics.median(values))} ({percent(low)} to {percent(high)})"


def _range_of_median(values: Sequence[float]) -> tuple[float, float]:
    """The order statistics that enclose the true median in 95 of 100 cases."""
    ordered, half = sorted(values), 0.98 * math.sqrt(len(values))
    low = ordered[max(0, math.floor(len(values) / 2 - half))]
    return low, ordered[min(len(values) - 1, math.ceil(len(values) / 2 + half))]
