"""Our meter compared with Zeus and CodeCarbon: joules of the same windows of the same simulated cards, against the
truth.

Each tool runs in its own processes, one for each kind of power, and measures in real time. `--long` adds windows of
30 and 60 s; `--write` writes docs/benchmarks.md.
"""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench import meters_figures, meters_page
from bench.meters_cards import KINDS, LONG_WINDOWS, WINDOWS, card, schedule
from bench.meters_child import TOOLS, costs, slowdowns, versions, virtual, windows
from tests.simulated.child import run as in_child
from tests.simulated.clock import AbsoluteClock
from tests.simulated.driver import build
from tests.simulated.gpu import h100
from tests.simulated.profiles import Profile
from tests.simulated.work import Work

LEAD_S = 30.0
"""Until the first window: long enough for all processes to have imported their tool."""

SHORT_TRIALS = 2100
LONG_TRIALS = 140
PART_TIME_TRIALS = 420

SLOWDOWN_PROCESSES = 4
SLOWDOWN_PAIRS = 200
SLOWDOWN_BLOCK_S = 0.1


def run(*, with_long: bool = False, write: bool = False) -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted). Ten minutes, and six more `with_long`."""
    if find_spec("zeus") is None or find_spec("codecarbon") is None:
        raise SystemExit("Zeus and CodeCarbon are missing: pip install --editable '.[bench]'")
    build()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        results = {
            "versions": versions(),
            "load": os.getloadavg()[0],
            "costs": _costs(base),
            "slowdowns": _slowdowns(base),
            "short": _virtual(base, SHORT_TRIALS, (0.5, 5.0)),
            "long": _virtual(base, LONG_TRIALS, (5.0, 30.0)),
            "part_time": _virtual(base, PART_TIME_TRIALS, (0.5, 5.0), part_time=True),
            "windows": _windows(base, WINDOWS, 0) + (_windows(base, LONG_WINDOWS, 1) if with_long else []),
        }
    if write:
        meters_page.write(results)
    return meters_figures.summary(results)


def _windows(base: Path, wanted: dict[float, int], seed: int) -> list[dict[str, Any]]:
    """All tools on all kinds of power at the same time, with independent power and then with power that follows the
    work."""
    found: list[dict[str, Any]] = []
    for follows_work in (False, True):
        start_s = time.monotonic()
        plan = schedule(wanted, seed)

        def measured(
            tool: str, kind: str, start_s: float = start_s, follows_work: bool = follows_work, plan: Any = plan
        ) -> Any:
            place = _new(base)
            gpu = card(kind, seed, follows_work=follows_work, name=tool)
            return in_child(
                windows, [gpu], place, tool, [kind, seed, follows_work], start_s, start_s + LEAD_S, plan,
                start_s=start_s,
                work=Work(place / "work", AbsoluteClock()) if follows_work else None,
                variables=_variables(place),
            )  # fmt: skip

        with ThreadPoolExecutor(len(TOOLS) * len(KINDS)) as pool:
            waiting = [pool.submit(measured, tool, kind) for kind in KINDS for tool in TOOLS]
            found += [window for future in waiting for window in future.result()]
    return found


def _slowdowns(base: Path) -> dict[str, list[float]]:
    """Pairs of several processes, one after the other, since each has another memory layout."""
    gpu = card("training", 1, follows_work=False)
    parts = [
        in_child(slowdowns, [gpu], _new(base), SLOWDOWN_PAIRS, SLOWDOWN_BLOCK_S) for _ in range(SLOWDOWN_PROCESSES)
    ]
    return {clock: [pair for part in parts for pair in part[clock]] for clock in parts[0]}


def _costs(base: Path) -> dict[str, dict[str, float]]:
    """One tool after the other, on a card that answers at once."""
    found = {}
    for tool in TOOLS:
        start_s, place = time.monotonic(), _new(base)
        gpu = h100(Profile.training(1))
        found[tool] = in_child(
            costs, [gpu], place, tool, start_s, 12, 10.0, start_s=start_s, variables=_variables(place)
        )
    return found


def _virtual(
    base: Path, count: int, durations_s: tuple[float, float], *, part_time: bool = False
) -> list[dict[str, Any]]:
    def part(first: int) -> Any:
        place = _new(base)
        seeds = [first, min(first + share, count)]
        return in_child(virtual, [h100(Profile.constant(70.0))], place, seeds, durations_s, part_time, str(place))

    share = -(-count // 2)
    with ThreadPoolExecutor(2) as pool:
        return [trial for found in pool.map(part, (0, share)) for trial in found]


def _new(base: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=base))


def _variables(place: Path) -> dict[str, str]:
    """CodeCarbon looks for NVIDIA GPUs only if `nvidia-smi` runs, so this one runs and prints nothing."""
    stub = place / "nvidia-smi"
    stub.write_text("#!/bin/sh\nexit 0\n")
    stub.chmod(0o755)
    return {"PATH": f"{place}{os.pathsep}{os.environ.get('PATH', '')}"}
