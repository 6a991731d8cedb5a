"""The addresses for monitoring: whether a process answers, whether it can work, and the site's figures."""

from __future__ import annotations

import os
from pathlib import Path

import structlog
from django.core.files.storage import FileSystemStorage, storages
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from leaderboard import dispatch
from leaderboard.presentation import metrics as figures

log = structlog.get_logger()


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """The process can do its work: each part with "ok" or what is wrong; 503 if it can't.

    The broker is named, and no reason to be unready: submissions are stored without one, and a sweep notifies later.
    """
    found = {"database": _database()}
    if found["database"] == "ok":
        found["migrations"] = _migrations()
    found["storage"] = _storage()
    is_ready = all(state == "ok" for state in found.values())
    found["broker"] = "ok" if dispatch.answers() else "unavailable"
    if not is_ready:
        log.warning("not ready", **found)
    return JsonResponse(found, status=200 if is_ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        log.warning("database unavailable", reason=str(error))
        return "unavailable"
    return "ok"


_all_applied: list[bool] = []


def _migrations() -> str:
    """Asked until all are applied: no newer one comes while this code runs."""
    if not _all_applied:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "not applied: run `manage.py migrate`"
        _all_applied.append(True)
    return "ok"


def _storage() -> str:
    """Of folders, whether they can be written to; an object store is asked by what uses it."""
    for name in ("default", "artifacts"):
        storage = storages[name]
        if isinstance(storage, FileSystemStorage):
            folder = Path(storage.path(""))
            while not folder.exists():  # it is made with the first file
                folder = folder.parent
            if not os.access(folder, os.W_OK | os.X_OK):
                return f"the folder of {name} files can't be written to"
    return "ok"


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures of the queue, the workers, the past day, the energy spent and the requests, for Prometheus."""
    return HttpResponse(figures.exposition(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
