"""How long requests took, by route: counted in each web process, and added up over all of them for Prometheus.

gunicorn's configuration gives the processes a common folder (PROMETHEUS_MULTIPROC_DIR) and each a number
(WEB_PROCESS). A process that takes another's place takes its number too and counts on in its file, so that there are
never more files than processes. Without the folder, as in tests, a process counts alone.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Histogram, values
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
PROCESS = "WEB_PROCESS"
BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

if FOLDER in os.environ:
    # Without types there.
    values.ValueClass = values.MultiProcessValue(lambda: os.environ.get(PROCESS, str(os.getpid())))  # type: ignore[no-untyped-call]

COUNTED = CollectorRegistry()
_times = Histogram(
    "leaderboard_request_seconds",
    "Time from a request's arrival at a web process to its answer, by route",
    ["route", "method", "status"],
    buckets=BOUNDS_S,
    registry=COUNTED,
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def count(route: str, method: str, status: int, seconds: float) -> None:
    """One request. A route is a pattern of `urls.py`, so that their number is bounded; so is that of methods."""
    _times.labels(route, method if method in METHODS else "other", f"{status // 100}xx").observe(seconds)


def registry() -> CollectorRegistry:
    """What all web processes have counted."""
    if FOLDER not in os.environ:
        return COUNTED
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together
