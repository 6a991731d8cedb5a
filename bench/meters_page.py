"""What the meters' comparison found: a few rows for the terminal, and docs/benchmarks.md."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.meters_cards import KINDS
from measurement.meters.estimate import cpu_model

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
TOOLS = ("ours", "Zeus", "CodeCarbon")
OWN = "ours, its own edges"

INTRODUCTION = """\
# Benchmarks of the meter

What this page is for: whether the joules can be trusted, measured against a truth that is known, and what measuring
costs.

Our meter, Zeus {zeus} and CodeCarbon {codecarbon} metered the same windows of the same simulated cards. The cards are
those of [the tests' simulated driver](../tests/simulated/README.md): a library that answers NVML's calls and plays a
scripted power through the physics of a real card, an H100's here. Its counter ticks every 100 ms (5 % jitter), its
sensor averages 25 of each 100 ms with 1 W of noise, each call takes 1 to 5 ms; phases are random. There is no gain
error: it is the card's, the same for every meter. The true joules are those of the script between the moment at which
the window's body began and the moment at which it ended; each tool is held to that same truth.

This page is written by one command, which takes about {minutes} minutes:

```sh
{command}
```

Written on {date} on {cores} cores (CPU: {cpu}, {system}, Python {python}). Load was {load:.1f} when it
began, by programs that shared these cores, and all tools ran at once: times of a few milliseconds are upper bounds,
and the windows in real time, but not those in virtual time, carry the machine's delays. Figures move a little from
one run to the next; where two are close, they are equal.

Zeus is `ZeusMonitor.begin_window` and `end_window`; CodeCarbon is `OfflineEmissionsTracker` in process mode,
`start_task` and `stop_task`, of which the GPU's energy is taken. It is given an `nvidia-smi` that does nothing, as it
looks for NVIDIA cards only where that runs. Ours is `EnergyMeter.for_device("cuda:0")` and its default window.
"""


def summary(results: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted)."""
    rows = []
    for tool in TOOLS:
        errors = _errors(results["windows"], lambda window, tool=tool: window["tool"] == tool and _is_long(window))
        rows.append((f"{tool}: error in windows of 5 s and longer", _pair(errors), "median ≤ 0.5 %, worst ≤ 2 %"))
    errors = _errors(results["long"])
    rows.append(("ours: the same in virtual time", _pair(errors), "median ≤ 0.5 %, worst ≤ 2 %"))
    short = results["short"]
    rows.append((f"95 % interval in {len(short)} windows of 0.5 to 5 s", _percent(_coverage(short), 1), "93 to 99 %"))
    ours = results["costs"]["ours"]
    rows.append(("opening and closing beyond the tick wait", f"{1e3 * ours['beyond_s']:.2f} ms", "≤ 5 ms"))
    rows.append(("sampling", f"{_percent(ours['share_of_core'])} of a core", "≤ 1 %"))
    for clock, name in (("wall", "wall clock"), ("cpu", "the thread's CPU time")):
        rows.append((f"slowdown of a training step, {name}", _median_range(results["slowdowns"][clock]), "≤ 0.5 %"))
    return rows


def write(results: dict[str, Any]) -> None:
    """Write docs/benchmarks.md."""
    has_long = any(window["window_s"] > 10 for window in results["windows"])
    PAGE.write_text(
        "\n".join(
            [
                INTRODUCTION.format(
                    zeus=results["versions"]["Zeus"],
                    codecarbon=results["versions"]["CodeCarbon"],
                    minutes=14 if has_long else 7,
                    command=f"pip install --editable '.[worker,dev,bench]'\npython -m bench meters "
                    f"{'--long ' if has_long else ''}--write",
                    date=datetime.now(UTC).date().isoformat(),
                    cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
                    cpu=cpu_model(),
                    system=platform.system(),
                    python=platform.python_version(),
                    load=results["load"],
                ),
                *_accuracy(results["windows"]),
                *_intervals(results),
                *_prices(results),
                *_verdict(results),
            ]
        )
    )


def _accuracy(windows: Sequence[dict[str, Any]]) -> list[str]:
    durations = sorted({window["window_s"] for window in windows})
    kinds = [kind for kind in KINDS if any(window["kind"] == kind for window in windows)]

    def row(label: str, chosen: Callable[[dict[str, Any]], bool]) -> list[str]:
        per_tool = [_errors(windows, lambda window, t=tool: window["tool"] == t and chosen(window)) for tool in TOOLS]
        own = _errors(
            [window | {"true_j": window["own_true_j"]} for window in windows],
            lambda window: window["tool"] == "ours" and chosen(window),
        )
        return [label, str(len(per_tool[0])), *map(_pair, per_tool), _pair(own)]

    def median(kind: str, duration_s: float) -> str:
        cells = (
            _errors(windows, lambda w, t=tool: (w["tool"], w["kind"], w["window_s"]) == (t, kind, duration_s))
            for tool in TOOLS
        )
        return " / ".join(_percent(statistics.median(errors)) for errors in cells)

    return [
        "## Relative error\n",
        "Median and worst, against true joules. In half of the windows power runs on by itself, in the other half",
        "the card idles at 70 W and its power follows what the window brackets, as a training does. Each window is",
        "up to a tick longer than its nominal length, since over whole ticks the counter's errors at both ends",
        "would cancel. Ours also says between which times it counted; the last column holds it to the joules between",
        "these.\n",
        "Windows of 5 s and longer, by kind of power:\n",
        *_table(
            ["power", "windows", *TOOLS, OWN],
            [row(kind, lambda w, k=kind: _is_long(w) and w["kind"] == k) for kind in kinds]
            + [
                row("runs on by itself", lambda w: _is_long(w) and not w["follows_work"]),
                row("follows the work", lambda w: _is_long(w) and w["follows_work"]),
                row("all", _is_long),
            ],
        ),
        "By length of the window, all kinds of power:\n",
        *_table(
            ["window", "windows", *TOOLS, OWN],
            [row(f"{duration_s:g} s", lambda w, d=duration_s: w["window_s"] == d) for duration_s in durations],
        ),
        "Medians by both, ours / Zeus / CodeCarbon:\n",
        *_table(
            ["power", *(f"{duration_s:g} s" for duration_s in durations)],
            [[kind, *(median(kind, duration_s) for duration_s in durations)] for kind in kinds],
        ),
    ]


def _intervals(results: dict[str, Any]) -> list[str]:
    short, long = results["short"], results["long"]
    classes = [(0.5, 1.0), (1.0, 2.0), (2.0, 5.0)]

    def row(label: str, chosen: Callable[[dict[str, Any]], bool]) -> list[str]:
        trials = [trial for trial in short if chosen(trial)]
        widths = [trial["repeatability_u95_j"] / trial["true_j"] for trial in trials if trial["repeatability_u95_j"]]
        width = _percent(statistics.median(widths)) if widths else "—"
        return [label, str(len(trials)), _percent(_coverage(trials), 1), width, _pair(_errors(trials))]

    real = [window for window in results["windows"] if window["tool"] == "ours" and window["window_s"] <= 5]
    covered = _coverage([window | {"true_j": window["own_true_j"]} for window in real])
    body = _coverage(real)
    return [
        "## Our 95 % interval\n",
        f"How often the true joules lay within our interval of repeatability, in {len(short)} seeded windows of",
        "0.5 to 5 s in virtual time. Zeus and CodeCarbon give no interval.\n",
        *_table(
            ["windows", "number", "true value inside", "half-width (median)", "error (median, worst)"],
            [
                *(
                    row(f"{low:g} to {high:g} s", lambda t, lo=low, hi=high: lo <= _asked_s(t) < hi)
                    for low, high in classes
                ),
                *(row(kind, lambda t, k=kind: t["kind"] == k) for kind in KINDS),
                row("power runs on by itself", lambda t: not t["follows_work"]),
                row("power follows the work", lambda t: t["follows_work"]),
                row("all", lambda t: True),
            ],
        ),
        f"In the {len(real)} windows of up to 5 s in real time, of the tables above: {_percent(covered, 1)} between",
        f"the edges that the meter says, {_percent(body, 1)} of the body's joules. Milliseconds pass between",
        "the tick at which a window opens and its body, in which the interval has no part.\n",
        f"{len(long)} windows of 5 to 30 s in virtual time, without the machine's delays: {_pair(_errors(long))}.\n",
    ]


def _prices(results: dict[str, Any]) -> list[str]:
    rows = []
    for tool in TOOLS:
        cost = results["costs"][tool]
        cells = [f"{1e3 * cost[name]:.2f} ms" for name in ("open_s", "close_s", "beyond_s", "worst_beyond_s")]
        rows.append([tool, *cells, _percent(cost["share_of_core"])])
    slow = results["slowdowns"]
    return [
        "## What it costs\n",
        "Opening and closing windows on a card that answers at once (medians of 12), and the CPU time of an",
        "open window of 10 s. Ours waits for ticks of the counter, which makes it exact and takes time without work;",
        "what it takes beyond that wait is told apart. Zeus has nothing to sample on a card with a counter.\n",
        *_table(
            ["", "open", "close", "both, beyond the wait", "worst", "CPU time, of one core"],
            rows,
        ),
        "Slowdown of a small convolutional network's training on one core of the CPU, our meter's sampling on",
        f"against off, in {len(slow['wall'])} pairs of blocks in random order (median, and the 95 % interval of the",
        "median):\n",
        *_table(
            ["by", "slowdown"],
            [
                ["wall clock, median step", _median_range(slow["wall"])],
                ["CPU time of the training thread", _median_range(slow["cpu"])],
            ],
        ),
    ]


def _verdict(results: dict[str, Any]) -> list[str]:
    """What was asked of the meter, what it is, and every class in which another did better."""
    windows = results["windows"]
    worse = []
    for kind in KINDS:
        for duration_s in sorted({window["window_s"] for window in windows}):
            here = [w for w in windows if (w["kind"], w["window_s"]) == (kind, duration_s)]
            errors = {tool: _errors(here, lambda w, t=tool: w["tool"] == t) for tool in TOOLS}
            medians = {tool: statistics.median(found) for tool, found in errors.items() if found}
            better = [tool for tool in TOOLS[1:] if medians.get(tool, math.inf) < medians.get("ours", math.inf)]
            if better:
                figures = ", ".join(f"{tool} {_percent(medians[tool])}" for tool in better)
                worse.append(f"- {kind}, {duration_s:g} s: ours {_percent(medians['ours'])}, {figures}")
        long = [w for w in windows if w["kind"] == kind and _is_long(w)]
        worst = {tool: max(_errors(long, lambda w, t=tool: w["tool"] == t), default=0.0) for tool in TOOLS}
        smaller = ", ".join(f"{tool} {_percent(worst[tool])}" for tool in TOOLS[1:] if worst[tool] < worst["ours"])
        if smaller:
            worse.append(f"- {kind}, worst of 5 s and longer: ours {_percent(worst['ours'])}, {smaller}")
    lines = ["## What holds, and what does not\n"]
    lines += _table(["what", "measured", "wanted"], [list(row) for row in summary(results)])
    if worse:
        lines += ["Classes in which another tool's median or worst error was smaller than ours:\n", *worse, ""]
    else:
        lines += ["In no class of power and length was another tool's median error smaller than ours.\n"]
    lines += [
        "Where ours is not better at all: opening and closing a window takes it longer, since it waits for ticks,",
        "it begins the body some milliseconds after the tick that opens the window, whose joules it counts too,",
        "and it samples all the time, which Zeus need not do on a card with a counter. A slowdown whose",
        "interval holds both 0 and 0.5 % is not decided by this run.\n",
    ]
    return lines


def _is_long(window: dict[str, Any]) -> bool:
    return bool(window["window_s"] >= 5)


def _asked_s(trial: dict[str, Any]) -> float:
    return float(trial["duration_s"])


def _errors(
    windows: Iterable[dict[str, Any]], chosen: Callable[[dict[str, Any]], bool] = lambda window: True
) -> list[float]:
    """Relative errors without sign; a window without a figure counts as wrong by all of it."""
    return [
        1.0 if window["measured_j"] is None else abs(window["measured_j"] / window["true_j"] - 1)
        for window in windows
        if chosen(window)
    ]


def _coverage(trials: Sequence[dict[str, Any]]) -> float:
    inside = [
        None not in (trial["measured_j"], trial["repeatability_u95_j"])
        and abs(trial["measured_j"] - trial["true_j"]) <= trial["repeatability_u95_j"]
        for trial in trials
    ]
    return sum(inside) / len(inside) if inside else math.nan


def _pair(errors: Sequence[float]) -> str:
    return f"{_percent(statistics.median(errors))}, {_percent(max(errors))}" if errors else "—"


def _percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


def _median_range(values: Sequence[float]) -> str:
    """The median, and the order statistics that enclose the true one in 95 of 100 cases."""
    ordered, half = sorted(values), 0.98 * math.sqrt(len(values))
    low = ordered[max(0, math.floor(len(values) / 2 - half))]
    high = ordered[min(len(values) - 1, math.ceil(len(values) / 2 + half))]
    return f"{_percent(statistics.median(values))} ({_percent(low)} to {_percent(high)})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]
