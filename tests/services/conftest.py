"""The site whose results the tests move to another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile

import catalogue
from leaderboard import models, services
from measurement.vocabulary import Flag
from tests.factories import BoardFactory, make_verified_entry
from tests.records import make_recipe
from tests.services.moving import PUBLISHED, TRACE, export
from tests.services.verifying import verify


@pytest.fixture
def site(hardware, alice, bob, settings, tmp_path):
    """Verified, sampled, held, withdrawn and published results, and a run that still waits."""
    settings.MEDIA_ROOT = tmp_path / "files"
    run, _ = verify(make_recipe("Kept"), hardware, submitter=alice)
    run.attempts.get().trace.save("run.parquet", ContentFile(TRACE))
    verify(make_recipe("Held", epochs=2), hardware, submitter=bob, flags=(Flag.THROTTLED,))
    withdrawn, _ = verify(make_recipe("Withdrawn", epochs=3), hardware, submitter=bob)
    services.withdraw(withdrawn.submission, by=bob)
    again = services.rerun(run, by=alice)
    services.fail(services.claim(again.pk, "worker"), "the disk was full")
    services.submit(make_recipe("Waits", epochs=4), hardware=hardware, submitter=bob)
    services.import_published(PUBLISHED, catalogue.load().sources)
    services.take_down(models.Entry.objects.filter(published__model=PUBLISHED[0].model), reason="looks wrong")
    board = BoardFactory(hardware=hardware, track="cifar10")
    for mode in ("full", "sampled"):
        entry = make_verified_entry(board, recipe__track="cifar10", complete=mode == "full")
        models.Run.objects.filter(pk=entry.run_id).update(mode=mode)
        models.Entry.objects.filter(pk=entry.pk).update(mode=mode)
    return board


@pytest.fixture
def exported(site, tmp_path) -> Path:
    return export(tmp_path / "moved")
