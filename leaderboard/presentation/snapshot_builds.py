"""How many snapshots of boards were made, and how long each took: counted as requests are, over all web processes."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import Histogram

from leaderboard.presentation.request_times import COUNTED
from measurement.tracks import private_to

_builds = Histogram(
    "leaderboard_snapshot_build_seconds",
    "Time to make the snapshot of a board at a new revision",
    ["track", "hardware"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30),
    registry=COUNTED,
)


def timed(make: Callable[[], bytes], track: str, hardware: str) -> bytes:
    """What `make` gives, counted as a snapshot of this board; of private ones all under one name."""
    began = time.perf_counter()
    made = make()
    _builds.labels(track if private_to(track) is None else "private", hardware).observe(time.perf_counter() - began)
    return made
