"""gunicorn's configuration."""

import os
from typing import Any

from django.conf import settings

from leaderboard.configuration import stop
from leaderboard.serving.checks import settings_are_safe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")

wsgi_app = "leaderboard.wsgi"
bind = [f"{settings.HOST}:{settings.PORT}"]
workers = settings.WEB_CONCURRENCY
worker_class = "leaderboard.serving.buffering.BufferingWorker"
threads = 16  # that work; clients who send or read slowly hold none
timeout = 60
graceful_timeout = 5
# Recycling keeps a slow leak from becoming an outage.
max_requests = 10_000
max_requests_jitter = 1_000
# With the setting HTTPS, Django reads a proxy's headers; no client may choose SCRIPT_NAME.
forwarded_allow_ips = ""
loglevel = "warning"


def on_starting(server: Any) -> None:
    """Serve nobody with settings that are not safe; gunicorn runs no system checks by itself."""
    for message in settings_are_safe():
        if message.is_serious():
            stop(f"{message.msg} {message.hint}")
        server.log.warning(message.msg)
