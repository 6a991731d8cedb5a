"""How long a person waits between submit and running, and between the child's end and the ranked entry."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import psutil

from bench import held
from tests.live.conftest import TINY
from tests.live.site import Site

ROUNDS = 7


def run() -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted) on a site of its own, idle otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), "--no-examples")
        try:
            site.wait_until_up()
            token, admin = site.add_user("alice"), site.add_user("root", staff=True)
            starts = [_submit_to_running(site, token, admin, seed) for seed in range(ROUNDS)]
            ends = [_end_to_ranked(site, token, 1000 + seed) for seed in range(ROUNDS)]
        finally:
            site.close()
    return [
        ("submit to running, idle system", _spread(starts), held("median under 1 s", statistics.median(starts), 1)),
        ("child's end to ranked entry", _spread(ends), held("under 1 s", max(ends), 1)),
    ]


def _spread(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.3f} s, worst {max(seconds):.3f} s"


def _submit_to_running(site: Site, token: str, admin: str, seed: int) -> float:
    recipe = TINY | {"seed": seed, "phases": [{"phase": "train", "technique": "supervised", "epochs": 5000}]}
    asked = time.perf_counter()
    _, submission = site.call("/api/v1/submissions", token=token, body=recipe)
    path = f"/api/v1/submissions/{submission['id']}"
    site.wait_for(lambda: site.call(path)[1]["run"]["state"] == "running", 30, "running")
    waited = time.perf_counter() - asked
    site.call(f"/api/v1/runs/{submission['run']['id']}/cancel", token=admin, body={})
    site.wait_for(lambda: site.call(path)[1]["run"]["state"] == "cancelled", 30, "cancelled")
    time.sleep(0.5)
    return waited


def _end_to_ranked(site: Site, token: str, seed: int) -> float:
    recipe = TINY | {"seed": seed, "phases": [{"phase": "train", "technique": "supervised", "epochs": 1}]}
    _, submission = site.call("/api/v1/submissions", token=token, body=recipe)
    child = site.wait_for(site.measurements, 30, "the measurement to start")[0]
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.002)
    ended = time.perf_counter()
    sha = submission["recipe"]
    board = "/api/v1/leaderboard?track=digits&page_size=500"
    site.wait_for(
        lambda: any(row["recipe"] == sha for row in site.call(board)[1]["results"]), 30, "the entry to be ranked"
    )
    return time.perf_counter() - ended
