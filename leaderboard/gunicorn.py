"""gunicorn's configuration."""

import gc
import os
import shutil
import tempfile
from typing import Any

from django.conf import settings

from leaderboard.configuration import stop
from leaderboard.serving.checks import settings_are_safe
from leaderboard.serving.preparing import load_code

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")

wsgi_app = "leaderboard.wsgi"
bind = [f"{settings.HOST}:{settings.PORT}"]
workers = settings.WEB_CONCURRENCY
# Processes share the memory of the code, and a renewed one serves at once.
preload_app = True
worker_class = "leaderboard.serving.buffering.BufferingWorker"
threads = 16  # that work; clients who send or read slowly hold none
timeout = 60
graceful_timeout = 5
# Recycling keeps a slow leak from becoming an outage.
max_requests = 100_000
max_requests_jitter = 10_000
# With the setting HTTPS, Django reads a proxy's headers; no client may choose SCRIPT_NAME.
forwarded_allow_ips = ""
loglevel = "warning"


# Where the processes count requests together (presentation/request_times.py), before that is loaded.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="leaderboard-requests-")


def on_starting(server: Any) -> None:
    """Serve nobody with settings that are not safe; gunicorn runs no system checks by itself."""
    for message in settings_are_safe():
        if message.is_serious():
            stop(f"{message.msg} {message.hint}")
        server.log.warning(f"{message.msg} {message.hint}")


def on_exit(server: Any) -> None:
    """Leave nothing behind."""
    shutil.rmtree(os.environ.pop("PROMETHEUS_MULTIPROC_DIR", ""), ignore_errors=True)


def pre_fork(server: Any, worker: Any) -> None:
    """A process has the lowest number that is free. What was loaded stays shared: no collector writes into it."""
    load_code()
    gc.collect()
    gc.freeze()
    taken = {other.number for other in server.WORKERS.values()}
    worker.number = min(set(range(len(taken) + 1)) - taken)


def post_fork(server: Any, worker: Any) -> None:
    os.environ["WEB_PROCESS"] = str(worker.number)
