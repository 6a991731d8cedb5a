"""How long an administrator waits: lists, log and costs with 20,000 queued and 100,000 finished runs, and a long log.

On SQLite and on PostgreSQL.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import held
from bench.api import postgresql
from tests.live.site import ROOT

TIMES = 9
MOST_S = 0.2
OWN = "/submissions/"
PAGES = {
    "my submissions": OWN,
    "queue page": "/queue/",
    "queue page, the last": "/queue/?page=400",
    "admin: runs": "/admin/leaderboard/run/",
    "admin: runs held": "/admin/leaderboard/run/?held=any",
    "admin: runs of one state": "/admin/leaderboard/run/?state__exact=failed",
    "admin: submissions": "/admin/leaderboard/submission/",
    "admin: attempts": "/admin/leaderboard/attempt/",
    "admin: accounts": "/admin/auth/user/",
    "admin: log": "/admin/leaderboard/logline/",
    "admin: log of one act": "/admin/leaderboard/logline/?action__exact=hold",
    "API: queue": "/api/v1/queue",
    "API: log": "/api/v1/log",
    "costs": "/spending/",
    "API: costs by user": "/api/v1/spending?by=user",
    "metrics": "/metrics",
}


def run() -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted); the times are medians."""
    with tempfile.TemporaryDirectory() as folder:
        rows = _on("SQLite", Path(folder) / "sqlite", {})
        with postgresql(Path(folder) / "server") as address:
            rows += _on("PostgreSQL", Path(folder) / "postgresql", {"DATABASE_URL": address})
    return rows


def _on(database: str, folder: Path, environment: dict[str, str]) -> list[tuple[str, str, str]]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment = kept | {
        "DJANGO_SETTINGS_MODULE": "leaderboard.settings",
        "DATA_ROOT": str(folder),
        "DEBUG": "true",  # static files need no collecting
        **environment,
    }
    folder.mkdir()

    def call(*words: str, given: object = None) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            input=json.dumps(given),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    call("manage.py", "migrate", "--verbosity", "0")
    call("-m", "bench.administration_child", "fill")
    asked = call("-m", "bench.administration_child", "ask", str(TIMES), given=list(PAGES.values()))
    found = json.loads(asked.splitlines()[-1])
    first_s = found[OWN]["first_s"]
    first = held(f"at most {1000 * MOST_S:.0f} ms", first_s, MOST_S)
    return [
        (f"{database}, my submissions, the first of a process", f"{1000 * first_s:.0f} ms", first),
    ] + [
        (
            f"{database}, {name}: {found[address]['queries']} queries",
            f"{1000 * found[address]['wall_s']:.0f} ms ({1000 * found[address]['processor_s']:.0f} ms CPU)",
            held(f"at most {1000 * MOST_S:.0f} ms", found[address]["wall_s"], MOST_S),
        )
        for name, address in PAGES.items()
    ]
