"""Results of the meters' comparison: a few rows for the terminal, and docs/benchmarks.md."""

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
from bench.meters_figures import TOOLS, coverage, errors_of, is_long, median_range, pair, percent, summary
from measurement.meters.estimate import cpu_model

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

REST = "\n## Slow clients\n"

INTRODUCTION = """\
# Benchmarks of the meter

What this page is for: whether the joules can be trusted, measured against a known truth, and what measuring costs.

Our meter, Zeus {zeus} and CodeCarbon {codecarbon} metered the same windows of the same simulated cards. The cards are
those of [the tests' simulated driver](../tests/simulated/README.md): a library that answers NVML's calls and plays a
scripted power through the physics of a real card, an H100's here. Its counter ticks every 100 ms (5 % jitter), its
sensor averages 25 of each 100 ms with 1 W of noise, each call takes 1 to 5 ms; phases are random. There is no gain
error: it is the card's, the same for every meter. The true joules are those of the script between the moment at which
the window's body began and the moment at which it ended; each tool is compared with the same truth.

All of it up to *Slow clients* is written by one command, which takes about {minutes} minutes:

```sh
{command}
```

Written on {date} on {cores} cores (CPU: {cpu}, {system}, Python {python}). Load was {load:.1f} when it
began, by programs that shared these cores, and all tools ran at once: times of a few milliseconds are upper bounds,
and the windows in real time, but not those in virtual time, carry the machine's delays. Figures move a little from
one run to the next; if two are close, treat them as equal.

Zeus is `ZeusMonitor.begin_window` and `end_window`; CodeCarbon is `OfflineEmissionsTracker` in process mode,
`start_task` and `stop_task`, of which only the GPU's energy counts. It is given an `nvidia-smi` that does nothing, as
it looks for NVIDIA cards only if that runs. Ours is `EnergyMeter.for_device("cuda:0")` and its default window.
"""


def write(results: dict[str, Any]) -> None:
    """Write what docs/benchmarks.md says of the meters; the sections after that are kept as they are."""
    rest = "".join(PAGE.read_text().partition(REST)[1:])
    has_long = any(window["window_s"] > 10 for window in results["windows"])
    PAGE.write_text(
        "\n".join(
            [
                INTRODUCTION.format(
                    zeus=results["versions"]["Zeus"],
                    codecarbon=results["versions"]["CodeCarbon"],
                    minutes=16 if has_long else 10,
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
        + rest
    )


def _accuracy(windows: Sequence[dict[str, Any]]) -> list[str]:
    durations = sorted({window["window_s"] for window in windows})
    kinds = [kind for kind in KINDS if any(window["kind"] == kind for window in windows)]

    def row(label: str, chosen: Callable[[dict[str, Any]], bool]) -> list[str]:
        per_tool = [
            errors_of(windows, lambda window, t=tool: window["tool"] == t and chosen(window)) for tool in TOOLS
        ]
        return [label, str(len(per_tool[0])), *map(pair, per_tool)]

    def median(kind: str, duration_s: float) -> str:
        cells = (
            errors_of(windows, lambda w, t=tool: (w["tool"], w["kind"], w["window_s"]) == (t, kind, duration_s))
            for tool in TOOLS
        )
        return " / ".join(percent(statistics.median(errors)) for errors in cells)

    return [
        "## Relative error\n",
        "Median and worst, against true joules. In half of the windows power is independent, in the other half",
        "the card idles at 70 W and its power follows what the window brackets, as a training does. Each window is",
        "up to a tick longer than its nominal length, since over whole ticks the counter's errors at both ends",
        "would cancel. A square wave's period is up to 3 % off its name, as no work stays in step with a sensor.\n",
        "Windows of 5 s and longer, by kind of power:\n",
        *_table(
            ["power", "windows", *TOOLS],
            [row(kind, lambda w, k=kind: is_long(w) and w["kind"] == k) for kind in kinds]
            + [
                row("independent power", lambda w: is_long(w) and not w["follows_work"]),
                row("follows the work", lambda w: is_long(w) and w["follows_work"]),
                row("all", is_long),
            ],
        ),
        "By length of the window, all kinds of power:\n",
        *_table(
            ["window", "windows", *TOOLS],
            [row(f"{duration_s:g} s", lambda w, d=duration_s: w["window_s"] == d) for duration_s in durations],
        ),
        "Medians by both, ours / Zeus / CodeCarbon:\n",
        *_table(
            ["power", *(f"{duration_s:g} s" for duration_s in durations)],
            [[kind, *(median(kind, duration_s) for duration_s in durations)] for kind in kinds],
        ),
    ]


def _intervals(results: dict[str, Any]) -> list[str]:
    short, long, part = results["short"], results["long"], results["part_time"]
    widths = [trial["repeatability_u95_j"] / trial["true_j"] for trial in part if trial["repeatability_u95_j"]]
    classes = [(0.5, 1.0), (1.0, 2.0), (2.0, 5.0)]

    def row(label: str, chosen: Callable[[dict[str, Any]], bool]) -> list[str]:
        trials = [trial for trial in short if chosen(trial)]
        half = [trial["repeatability_u95_j"] / trial["true_j"] for trial in trials if trial["repeatability_u95_j"]]
        width = percent(statistics.median(half)) if half else "—"
        return [label, str(len(trials)), percent(coverage(trials), 1), width, pair(errors_of(trials))]

    real = [window for window in results["windows"] if window["tool"] == "ours" and window["window_s"] <= 5]
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
                row("independent power", lambda t: not t["follows_work"]),
                row("power follows the work", lambda t: t["follows_work"]),
                row("all", lambda t: True),
            ],
        ),
        f"In the {len(real)} windows of up to 5 s in real time, of the tables above: {percent(coverage(real), 1)}.",
        "",
        f"A card whose counter only repeats its part-time sensor, {len(part)} windows of 0.5 to 5 s: inside in",
        f"{percent(coverage(part), 1)}, half-width {percent(statistics.median(widths))} (median), error",
        f"{pair(errors_of(part))} (median, worst). What such a sensor doesn't measure is",
        "unknown; the meter detects which kind of counter it has from the counter's steps when power changes, which",
        "takes a few seconds of changing power: here a warm-up of 12 short stretches of work.\n",
        f"{len(long)} windows of 5 to 30 s in virtual time, without the machine's delays: {pair(errors_of(long))}.\n",
    ]


def _prices(results: dict[str, Any]) -> list[str]:
    rows = []
    for tool in TOOLS:
        cost = results["costs"][tool]
        cells = [f"{1e3 * cost[name]:.2f} ms" for name in ("open_s", "close_s", "beyond_s", "worst_beyond_s")]
        rows.append([tool, *cells, percent(cost["share_of_core"])])
    slow = results["slowdowns"]
    return [
        "## What it costs\n",
        "Opening and closing windows on a card that answers at once (medians of 12), and the CPU time of an",
        "open window of 10 s. Ours waits for ticks of the counter, which makes it exact and takes time without work;",
        "the time beyond that wait is listed separately. Zeus has nothing to sample on a card with a counter.\n",
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
                ["wall clock, median step", median_range(slow["wall"])],
                ["CPU time of the training thread", median_range(slow["cpu"])],
            ],
        ),
    ]


def _verdict(results: dict[str, Any]) -> list[str]:
    """The bounds of the meter, its results, and every class in which another tool did better."""
    windows = results["windows"]
    worse = []
    for kind in KINDS:
        for duration_s in sorted({window["window_s"] for window in windows}):
            here = [w for w in windows if (w["kind"], w["window_s"]) == (kind, duration_s)]
            errors = {tool: errors_of(here, lambda w, t=tool: w["tool"] == t) for tool in TOOLS}
            medians = {tool: statistics.median(found) for tool, found in errors.items() if found}
            better = [tool for tool in TOOLS[1:] if medians.get(tool, math.inf) < medians.get("ours", math.inf)]
            if better:
                figures = ", ".join(f"{tool} {percent(medians[tool])}" for tool in better)
                worse.append(f"- {kind}, {duration_s:g} s: ours {percent(medians['ours'])}, {figures}")
    lines = ["## What holds, and what does not\n"]
    lines += _table(["what", "measured", "wanted"], [list(row) for row in summary(results)])
    if worse:
        lines += ["Kinds and lengths in which another tool's median error was smaller than ours:\n", *worse, ""]
    else:
        lines += ["In no class of power and length was another tool's median error smaller than ours.\n"]
    lines += [
        "Ours is not better at two things: opening and closing a window takes longer, since it waits for ticks,",
        "and it samples all the time, which Zeus need not do on a card with a counter. A slowdown whose interval",
        "lies on both sides of 0.5 % is not decided by this run.\n",
    ]
    return lines


def _asked_s(trial: dict[str, Any]) -> float:
    return float(trial["duration_s"])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]
