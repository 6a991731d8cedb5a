"""The Celery app. Redis only notifies; the database is the truth."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")

app = Celery("leaderboard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["leaderboard"])
# What a task logs has the number of the request that it follows from.
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def keep_django_s_logging(**_: Any) -> None:
    """Keep Celery from setting levels and handlers of its own: settings.LOGGING has them all."""
