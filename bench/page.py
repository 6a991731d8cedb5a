"""How long a reader of 10,000 entries waits, in Chromium: the page on a cold cache, and each tick of the sliders.

Also the ticks on the published board.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench import held
from tests.chromium import ARGUMENTS, find
from tests.live.site import ROOT, free_port

ENTRIES = 10_000
LOADS = 7
TICKS = [round(0.05 * step, 2) for step in range(1, 260)]
LIMITS = [round(10 ** (5 + 0.03 * step)) for step in range(100)]
WEIGHT_TICKS = [round(0.1 * step, 1) for step in range(201)]
FILL = "from bench.page_board import fill; fill({entries})"

OBSERVE = """
window.seen = { shift: 0, largest: 0, long: 0, script: 0 };
const observe = (type, handle) =>
  new PerformanceObserver((list) => list.getEntries().forEach(handle)).observe({ type, buffered: true });
observe("layout-shift", (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value; });
observe("largest-contentful-paint", (entry) => { seen.largest = entry.startTime; });
observe("longtask", (entry) => { seen.long += entry.duration; });
window.nextFrame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (action) => nextFrame((time) => {
  const began = performance.now();
  action(time);
  seen.script += performance.now() - began;
});
"""
LOADED = """
() => ({ ...seen, first: performance.getEntriesByName("first-contentful-paint")[0].startTime })
"""
# The script of a tick, and the time until the frame after it has been handed to the compositor, ms.
TICK = """
async ([name, values]) => {
  const slider = document.getElementById(name);
  const ticks = [];
  for (const value of values) {
    const began = performance.now();
    seen.script = 0;
    slider.value = value;
    slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
    seen.script += performance.now() - began;
    await new Promise((resolve) => nextFrame(() => setTimeout(resolve)));
    ticks.push([seen.script, performance.now() - began]);
  }
  return ticks;
}
"""
# Scripts and layout of each frame while a reader scrolls from the first entry to the last, ms.
SCROLL = """
async () => {
  const region = document.getElementById("board-window");
  const [waits, step] = [[], (region.scrollHeight - region.clientHeight) / 120];
  for (let frame = 0; frame < 120; frame += 1) {
    const began = performance.now();
    region.scrollTop += step;
    await new Promise((resolve) => nextFrame(() => setTimeout(resolve)));
    waits.push([performance.now() - began, document.querySelectorAll("#rows tr").length]);
  }
  return waits;
}
"""
# From the scroll that brings a chart into sight to the frame that shows its lines, ms. Timed in the page: from
# outside, it would be polled every half second.
CHART = """
async (name) => {
  const chart = document.getElementById(name);
  const began = performance.now();
  chart.scrollIntoView({ block: "center" });
  await new Promise((resolve) => {
    const look = () => chart.querySelector(".main-svg .trace path") && resolve();
    new MutationObserver(look).observe(chart, { childList: true, subtree: true });
  });
  await new Promise((resolve) => nextFrame(() => setTimeout(resolve)));
  return performance.now() - began;
}
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """A slider moved from end to end: of each tick the script and the time to the painted frame, ms.

    `script_cpu_ms` is the processor time of a tick's script in the mean, which does not depend on the machine's load.
    """

    ticks: list[list[float]]
    script_cpu_ms: float


def run() -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted), from a gunicorn of its own on loopback."""
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
        load(browser, address)  # the server's own first request
        loads = [load(browser, address) for _ in range(LOADS)]
        ticks, weight_ticks, waits = _use(browser, address)
        range_ticks, limit_ticks = _use_folds(browser, address)
        published, published_weights, _ = _use(browser, f"{address}?track=imagenet-1k")
        compared_ticks = _use_compared(browser, address)
        charts_ms = statistics.median(_chart(browser, address, "energy-chart") for _ in range(3))
        ranks_ms = statistics.median(_chart(browser, address, "ranks-chart") for _ in range(3))
        browser.close()
    moving = [
        *_ticking("slider tick", ticks),
        *_ticking("slider tick of τ", weight_ticks),
        *_ticking("slider tick, six chosen, four usages side by side", compared_ticks),
        *_ticking("move of a handle of the range of N", range_ticks),
        *_ticking("limit typed", limit_ticks),
        *_ticking("published board: slider tick", published),
        *_ticking("published board: slider tick of τ", published_weights),
        *_scrolling(waits),
    ]
    charts = [
        _row("charts drawn, library and all", charts_ms, 1200, "ms"),
        _row("chart of ranks drawn, library and all", ranks_ms, 1500, "ms"),
    ]
    return [*_loading(loads), *moving, *charts]


def _loading(loads: list[dict[str, float]]) -> list[tuple[str, str, str]]:
    middle = {name: statistics.median(load[name] for load in loads) for name in loads[0]}
    return [
        _row("cold cache: first contentful paint", middle["first"], 300, "ms"),
        _row("cold cache: largest contentful paint", middle["largest"], 400, "ms"),
        _row("cold cache: long tasks in all, before charts", middle["long"], 220, "ms"),
        _row("cold cache: over the wire, before charts", middle["bytes"] / 1024, 100, "KiB"),
        _row("cold cache: cumulative layout shift", middle["shift"], 0.02, ""),
    ]


def _ticking(what: str, moved: Moved) -> list[tuple[str, str, str]]:
    scripts, painted = zip(*moved.ticks, strict=True)
    return [
        _row(f"{what}, script, mean processor time", moved.script_cpu_ms, 16, "ms"),
        _row(f"{what}, script, median", statistics.median(scripts), 16, "ms"),
        _row(f"{what}, script, 95 %", _p95(scripts), 50, "ms"),
        _row(f"{what} to the painted frame, 95 %", _p95(painted), 50, "ms"),
    ]


def _scrolling(waits: list[list[float]]) -> list[tuple[str, str, str]]:
    frames, rows = zip(*waits, strict=True)
    return [
        _row(f"scrolling through {ENTRIES:,} entries, a frame, 95 %", _p95(frames), 50, "ms"),
        _row("rows in the page meanwhile, at most", max(rows), 60, ""),
    ]


def _row(what: str, measured: float, most: float, unit: str) -> tuple[str, str, str]:
    return what, f"{measured:.3g} {unit}".strip(), held(f"at most {most:g} {unit}".strip(), measured, most)


def _p95(values: Any) -> float:
    return statistics.quantiles(values, n=20)[-1]


def load(browser: Browser, address: str, latency_ms: float = 0, bit_per_s: float = 0) -> dict[str, float]:
    """Open the page with an empty cache, without interacting, over a network of this latency; 0 bit/s: no limit.

    When its first and its largest content was painted, and its long tasks, ms; its layout shift; bytes received.
    """
    with _reader(browser) as page:
        session = page.context.new_cdp_session(page)
        received = _count_bytes(session)
        if latency_ms or bit_per_s:
            limit = bit_per_s / 8 or -1
            conditions = {"downloadThroughput": limit, "uploadThroughput": limit}
            session.send("Network.emulateNetworkConditions", {"offline": False, "latency": latency_ms, **conditions})
        page.goto(address)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(500)
        return page.evaluate(LOADED) | {"bytes": float(sum(received))}


def _count_bytes(session: CDPSession) -> list[int]:
    received: list[int] = []
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    return received


def _use(browser: Browser, address: str) -> tuple[Moved, Moved, list[list[float]]]:
    """Move the slider from one end to the other, then that of τ, then scroll from the first entry to the last."""
    with _reader(browser) as page:
        page.goto(address)
        page.locator("#usage_slider").focus()  # brings the snapshot
        page.locator("#rows tr [tabindex='-1']").first.wait_for()
        page.wait_for_load_state("networkidle")
        ticks = _move(page, "usage_slider", TICKS)
        page.locator("#order_by").select_option("greenness")
        weight_ticks = _move(page, "accuracy_slider", WEIGHT_TICKS)
        return ticks, weight_ticks, page.evaluate(SCROLL)


def _use_compared(browser: Browser, address: str) -> Moved:
    """Choose the first six rows, and move the slider with ranks at four other usages."""
    with _reader(browser) as page:
        page.goto(f"{address}?at=1e4&at=1e6&at=1e8&at=1e10")
        page.locator("#usage_slider").focus()  # brings the snapshot
        page.locator("#rows tr [tabindex='-1']").first.wait_for()
        page.wait_for_load_state("networkidle")
        for position in range(6):
            page.locator("#rows [name=entry]").nth(position).check()
        page.locator("#choice-list li").nth(5).wait_for()
        return _move(page, "usage_slider", TICKS)


def _use_folds(browser: Browser, address: str) -> tuple[Moved, Moved]:
    """Open "I don't know N" and move its lower handle up to the upper one; open the constraints and type limits."""
    with _reader(browser) as page:
        page.goto(f"{address}?n_from=1&n_to=1e13&max_parameters=1e9")
        page.locator("#n_from_slider").focus()  # brings the snapshot
        page.locator("#rows tr [tabindex='-1']").first.wait_for()
        page.wait_for_load_state("networkidle")
        return _move(page, "n_from_slider", TICKS), _move(page, "max_parameters", LIMITS)


def _move(page: Page, slider: str, values: list[float]) -> Moved:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def script_s() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(float(metric["value"]) for metric in metrics if metric["name"] == "ScriptDuration")

    before_s = script_s()
    ticks = page.evaluate(TICK, [slider, values])
    return Moved(ticks, 1000 * (script_s() - before_s) / len(values))


def _chart(browser: Browser, address: str, name: str) -> float:
    """From the moment at which a chart comes into sight until it is drawn, ms."""
    with _reader(browser) as page:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        return page.evaluate(CHART, name)


@contextmanager
def _reader(browser: Browser) -> Iterator[Page]:
    """A browser with an empty profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(OBSERVE)
    yield context.new_page()
    context.close()


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """A site with one large board and those of the catalogue, as gunicorn serves it, at the address given."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "WEB_CONCURRENCY"}}
    environment = kept | {"DATA_ROOT": str(folder), "STATIC_ROOT": str(folder / "static"), "PORT": str(port)}
    environment["DJANGO_SETTINGS_MODULE"] = "leaderboard.settings"
    manage = [sys.executable, "manage.py"]
    for words in (
        ["migrate", "--verbosity", "0"],
        ["collectstatic", "--noinput", "--verbosity", "0"],
        ["shell", "--verbosity", "0", "--command", FILL.format(entries=ENTRIES)],
        ["import_catalogue"],
    ):
        subprocess.run([*manage, *words], cwd=ROOT, env=environment, check=True)
    command = [sys.executable, "-m", "gunicorn", "--config", "python:leaderboard.gunicorn"]
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        address = f"http://127.0.0.1:{port}/"
        wait(lambda: urllib.request.urlopen(address, timeout=30).status == 200)
        yield address
    finally:
        server.terminate()
        server.wait()


def wait(is_up: Callable[[], bool], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            if is_up():
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
