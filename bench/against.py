"""Our page and another's built page on a cold cache: the same machine, server and browser, over three networks.

The other page is a folder with an index.html, such as a built single-page application. What it fetches from other
hosts fails at once, which is in its favour.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from whitenoise.compress import main as compress

from bench import held, page
from tests.chromium import ARGUMENTS, find
from tests.live.site import ROOT, free_port

ROUNDS = 9
NO_OTHER_HOST = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
PAINTS = {"first": "first paint", "largest": "largest paint"}
COLUMNS = ("first", "largest", "bytes")


@dataclass(frozen=True, slots=True)
class Network:
    """Added latency of each request, ms, and the most bits per second in either direction; 0: no limit."""

    name: str
    latency_ms: float = 0
    bit_per_s: float = 0


NETWORKS = (
    Network("loopback"),
    Network("60 ms, 10 Mbit/s", 60, 10e6),
    Network("150 ms, 1.6 Mbit/s", 150, 1.6e6),
)
Row = tuple[str, str, str]


def run(folder: Path) -> Iterator[Row]:
    """Rows of (what, measured, wanted): ours against the page in `folder`, medians of interleaved rounds."""
    with (
        tempfile.TemporaryDirectory() as temporary,
        sync_playwright() as playwright,
        page.site(Path(temporary, "site")) as ours,
        _served(folder, Path(temporary, "other")) as other,
    ):
        browser = playwright.chromium.launch(executable_path=find(), args=[*ARGUMENTS, NO_OTHER_HOST])
        for address in (ours, other):
            page.load(browser, address)  # the server's own first request
        for network in NETWORKS:
            yield from _on(browser, network, ours, other)
        browser.close()


def _on(browser: Browser, network: Network, ours: str, other: str) -> Iterator[Row]:
    loads: dict[str, list[dict[str, float]]] = {ours: [], other: []}
    for number in range(ROUNDS):
        # Each is first in every second round.
        for address in (ours, other) if number % 2 else (other, ours):
            loads[address].append(page.load(browser, address, network.latency_ms, network.bit_per_s))
    middle = {
        address: {name: statistics.median(load[name] for load in found) for name in COLUMNS}
        for address, found in loads.items()
    }
    for name, what in PAINTS.items():
        yield _row(f"{network.name}: {what}", middle[ours][name], middle[other][name])
    yield (
        f"{network.name}: over the wire, before charts",
        f"{middle[ours]['bytes'] / 1024:.0f} and {middle[other]['bytes'] / 1024:.0f} KiB",
        "for comparison",
    )


def _row(what: str, ours_ms: float, other_ms: float) -> Row:
    measured = f"{ours_ms:.0f} and {other_ms:.0f} ms, {ours_ms / other_ms:.2f}"
    return what, measured, held("no later than the other", ours_ms, other_ms)


@contextmanager
def _served(folder: Path, copy: Path) -> Iterator[str]:
    """The built page at the root of a server of its own, its files compressed as ours are; the address."""
    shutil.copytree(folder, copy)
    compress(["--quiet", str(copy)])
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "bench.against_child", str(copy), str(port)], cwd=ROOT)
    try:
        address = f"http://127.0.0.1:{port}/"
        page.wait(lambda: urllib.request.urlopen(address, timeout=30).status == 200)
        yield address
    finally:
        server.terminate()
        server.wait()
