"""gunicorn's configuration."""

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")

wsgi_app = "leaderboard.wsgi"
bind = [f"{settings.HOST}:{settings.PORT}"]
workers = settings.WEB_CONCURRENCY
worker_class = "gthread"
threads = 4
timeout = 60
graceful_timeout = 5
# Recycling keeps a slow leak from becoming an outage.
max_requests = 10_000
max_requests_jitter = 1_000
worker_tmp_dir = None
loglevel = "warning"
