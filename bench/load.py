"""What the site carries: gunicorn with two processes on PostgreSQL, 10,000 and 100,000 entries, asked by wrk.

wrk (apt install wrk) runs on the same machine and takes part of its cores. SOAK_S=600 soaks for ten minutes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench import MISSED, held
from bench.api import GROUP, GZIP, Row, Server, leaderboard, postgresql

SIZES = {10_000: 200, 100_000: 300}  # entries -> most MiB of a web process
PROCESSES = 2
CONNECTIONS = 16
SECONDS = int(os.environ.get("LOAD_S", "10"))
SOAK_S = int(os.environ.get("SOAK_S", "30"))
STARTS = 3
MOST_FIRST_S = 0.2
MOST_WARM_S = 0.010
MOST_P99_S = 0.050
MOST_GROWN = 0.05
ADDRESSES = 500
MIB = 2**20
PAGE = f"/?{urlencode(GROUP)}"
SNAPSHOT = f"/api/v1/leaderboard/snapshot?{urlencode(GROUP)}"
# Asks the addresses of a file in turn, and says what came of it as JSON.
SCRIPT = """
local lines, at = {}, 0
for line in io.lines(os.getenv("ADDRESSES")) do lines[#lines + 1] = line end
request = function() at = at % #lines + 1; return wrk.format("GET", lines[at]) end
done = function(summary, latency, requests)
  local e = summary.errors
  local form = 'JSON {"requests": %d, "us": %d, "p50_us": %d, "p99_us": %d, "refused": %d, "broken": %d}'
  io.write(string.format(form, summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


def run() -> Iterator[Row]:
    """Rows of (what, measured, wanted)."""
    if shutil.which("wrk") is None:
        yield "wrk", "not found", f"{MISSED}apt install wrk"
        return
    for entries, most_mib in SIZES.items():
        with tempfile.TemporaryDirectory() as folder, postgresql(Path(folder) / "server") as address:
            server = Server(Path(folder) / "site", {"DATABASE_URL": address}, PROCESSES, fill=("fill", str(entries)))
            for what, measured, wanted in _on(server, entries, most_mib):
                yield f"{entries:,}: {what}", measured, wanted


def _on(server: Server, entries: int, most_mib: int) -> Iterator[Row]:
    yield from _starts(server)
    server.start()
    try:
        yield from _loads(server, is_small=entries == min(SIZES))
        yield _memory(server, most_mib)
        if entries == min(SIZES):
            yield from _soak(server)
    finally:
        server.stop()


def _starts(server: Server) -> Iterator[Row]:
    """The first requests after a start: of a site whose boards nobody has read, and of one started again."""
    chance = random.Random(16)
    for name, is_new in (("first start", True), ("started again", False)):
        pages, answers = [], []
        for _ in range(STARTS):
            if is_new:
                shutil.rmtree(server.folder / "cache", ignore_errors=True)
            server.start()
            try:
                question = urlencode(GROUP | {"usage_intensity": f"{10 ** chance.uniform(3, 9):.4g}"})
                pages.append(server.ask(f"/?{question}", GZIP)[0])
                answers.append(server.ask(leaderboard(chance), GZIP)[0])
            finally:
                server.stop()
        for what, seconds in (("page", pages), ("API", answers)):
            measured = f"{statistics.median(seconds) * 1e3:.0f}, worst {max(seconds) * 1e3:.0f} ms"
            yield f"{name}, first {what}", measured, held("≤ 200 ms", max(seconds), MOST_FIRST_S)


def _loads(server: Server, *, is_small: bool) -> Iterator[Row]:
    chance = random.Random(2108)
    server.ask(PAGE, GZIP)
    _, _, headers, _ = server.ask(SNAPSHOT, GZIP)
    warm = [server.ask(PAGE, GZIP)[0] for _ in range(50)]
    yield (
        "page from cache, alone",
        f"{statistics.median(warm) * 1e3:.1f} ms",
        held("≤ 10 ms", statistics.median(warm), MOST_WARM_S),
    )
    least = 1_000 if is_small else 0
    yield _load("page from cache", _asked(server, [PAGE]), least)
    yield _load("snapshot, unchanged (304)", _asked(server, [SNAPSHOT], headers["etag"]), least)
    yield _load("snapshot, whole", _asked(server, [SNAPSHOT]), least)
    addresses = [leaderboard(chance) for _ in range(ADDRESSES)]
    yield _load("API, random N and filters", _asked(server, addresses), 150 if is_small else 0, most_p99_s=None)


def _asked(server: Server, addresses: list[str], etag: str = "", seconds: int = SECONDS) -> dict[str, Any]:
    """What wrk says of these addresses."""
    with tempfile.TemporaryDirectory() as folder:
        script, lines = Path(folder) / "ask.lua", Path(folder) / "addresses"
        script.write_text(SCRIPT)
        lines.write_text("\n".join(addresses))
        words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", str(script), "-H", "Accept-Encoding: gzip"]
        words += ["-H", f"If-None-Match: {etag}"] if etag else []
        busy_s = _busy_s(server)
        done = subprocess.run(
            [*words, f"http://127.0.0.1:{server.port}"],
            env=os.environ | {"ADDRESSES": str(lines)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    busy_s = _busy_s(server) - busy_s
    found: dict[str, Any] = json.loads(done.stdout.rpartition("JSON ")[2])
    assert not found["refused"], found
    return found | {"per_s": found["requests"] / found["us"] * 1e6, "busy_ms": busy_s / found["requests"] * 1e3}


def _busy_s(server: Server) -> float:
    """Processor time of the web processes, which other programs of the machine change little."""
    return sum(sum(process.cpu_times()[:2]) for process in server.processes())


def _load(what: str, found: dict[str, Any], least_per_s: int, most_p99_s: float | None = MOST_P99_S) -> Row:
    p99_s = found["p99_us"] / 1e6
    measured = f"{found['per_s']:.0f}/s, p50 {found['p50_us'] / 1e3:.0f}, p99 {p99_s * 1e3:.0f} ms"
    measured += f", {found['busy_ms']:.2f} ms CPU"
    measured += f", {found['broken']} broken" if found["broken"] else ""
    if not least_per_s:
        return what, measured, f"load {os.getloadavg()[0]:.1f}"
    wanted = f"≥ {least_per_s:,}/s" + (f", p99 ≤ {most_p99_s * 1e3:.0f} ms" if most_p99_s else "")
    short = max(least_per_s / max(found["per_s"], 1e-9), p99_s / most_p99_s if most_p99_s else 0)
    return what, measured, f"{held(wanted, short, 1)} (load {os.getloadavg()[0]:.1f})"


def _memory(server: Server, most_mib: int) -> Row:
    """Resident is what a process would take alone; its share counts what others map too once."""
    used = [process.memory_full_info() for process in server.processes()]
    resident, share = max(one.rss for one in used) / MIB, max(one.pss for one in used) / MIB
    return (
        "memory of a web process",
        f"{resident:.0f}, share {share:.0f} MiB",
        held(f"≤ {most_mib} MiB", resident, most_mib),
    )


def _soak(server: Server) -> Iterator[Row]:
    chance = random.Random(600)
    addresses = [leaderboard(chance) for _ in range(ADDRESSES)]
    for _ in range(ADDRESSES // 5):
        addresses.append(f"/?{urlencode(GROUP | {'usage_intensity': f'{10 ** chance.uniform(3, 9):.4g}'})}")
    chance.shuffle(addresses)
    _asked(server, addresses)
    before = {process.pid: process.memory_full_info().uss for process in server.processes()}
    found = _asked(server, addresses, seconds=SOAK_S)
    after = {process.pid: process.memory_full_info().uss for process in server.processes()}
    both = before.keys() & after.keys()
    grown = max((after[pid] / before[pid] - 1 for pid in both), default=0.0)
    measured = f"{100 * grown:+.1f} % ({len(both)} of {len(before)} processes lasted)"
    yield f"soak of {SOAK_S} s, {found['per_s']:.0f}/s: grown by", measured, held("≤ 5 %", grown, MOST_GROWN)
