"""How long a new user waits: from `manage.py up` on an empty folder to the page, and to all examples ranked."""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path

from bench import held
from tests.live.site import Site


def run() -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted). Installation is not included: `make run` prints its own progress."""
    with tempfile.TemporaryDirectory() as folder:
        # Its own static files, as on a fresh clone: compressing them is part of the wait.
        started = time.monotonic()
        site = Site(Path(folder), STATIC_ROOT=str(Path(folder) / "static"))
        try:
            site.wait_for(lambda: site.process.poll() is None and _answers(site), 300, "the page")
            answered = time.monotonic() - started
            board = "/api/v1/leaderboard?track=digits&page_size=500"
            examples = int(re.findall(r"(\d+) example recipes are queued", site.output())[0])
            site.wait_for(lambda: site.call(board)[1]["count"] == examples, 1800, "all examples to be ranked")
            ranked = time.monotonic() - started - answered
        finally:
            site.close()
    return [
        (
            "first start to the page's answer",
            f"{answered:.1f} s",
            held("under 5 min with installation", answered, 300),
        ),
        (f"page to all {examples} examples verified and ranked", f"{ranked:.0f} s", held("under 240 s", ranked, 240)),
    ]


def _answers(site: Site) -> bool:
    try:
        return site.call("/api/v1/tracks")[0] == 200
    except OSError:
        return False
