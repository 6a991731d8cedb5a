"""While machines are updated one by one: an older worker leaves newer recipes to others, and can still write."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pkgutil import iter_modules

import pytest
from django.db.migrations import AddField
from django.db.models import NOT_PROVIDED, GeneratedField, ManyToManyField
from django.utils import timezone

from leaderboard import migrations, queries, services
from leaderboard.models import Recipe
from measurement.recipe import Recipe as Document
from measurement.recipe import revision
from tests.factories import HardwareFactory, RunFactory, WorkerFactory

NEWER = revision.REVISION + 1
SCHEMA_OF_REVISION = {1: "303580ec72c83c38", 2: "6df781380aa88c3f"}
LAST_THAT_MAY_KEEP_OLD_WORKERS_FROM_WRITING = 58


@pytest.fixture
def cpu(db):
    return HardwareFactory()


def run_of(hardware, recipe_revision):
    return RunFactory(
        submission__hardware=hardware, submission__recipe__revision=recipe_revision, queued_at=timezone.now()
    )


def worker_of(hardware, name, **diagnosis):
    return WorkerFactory(name=name, hardware=hardware, diagnosis=diagnosis)


def test_a_newer_recipe_waits_for_a_newer_worker_and_delays_nobody(cpu):
    worker_of(cpu, "older", recipe_revision=revision.REVISION)
    newer, older = run_of(cpu, NEWER), run_of(cpu, revision.REVISION)
    assert services.claim(newer.pk, "older") is None
    assert "earlier version, which can't run this recipe" in queries.waits_for(newer)
    assert queries.waits_for(older) == ""
    assert queries.ahead_in_queue(older) == 0
    assert services.claim_next(newer.pk, "older").run_id == older.pk

    worker_of(cpu, "newer", recipe_revision=NEWER)
    assert queries.waits_for(newer) == ""
    (told,) = [found.why_not for found in queries.wait_of_run(newer).workers if found.worker.name == "older"]
    assert told.endswith("update it")
    assert services.claim_next(newer.pk, "newer").run_id == newer.pk


def test_a_worker_that_never_said_is_left_to_try(cpu):
    worker_of(cpu, "of before")
    assert services.claim(run_of(cpu, NEWER).pk, "of before") is not None


def test_a_worker_says_what_it_can_run_and_the_site_what_it_took(cpu):
    worker = services.register_worker("new", hardware=cpu, device="cpu", diagnosis={"devices": []})
    assert worker.diagnosis["recipe_revision"] == revision.REVISION
    assert Recipe().revision == revision.REVISION


def test_the_revision_is_raised_with_the_schema():
    """If this fails: would the program before read each recipe, and run it as the same? If not, raise REVISION."""
    schema = Document.model_json_schema()
    parts = {"Recipe": schema, **schema["$defs"]}
    names = {name: sorted(part.get("properties", part.get("enum", ()))) for name, part in parts.items()}
    fingerprint = hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()[:16]
    assert SCHEMA_OF_REVISION[revision.REVISION] == fingerprint, "write it next to its revision"


def test_an_older_program_can_still_insert_rows():
    """What it doesn't know of must have a value in the database: null, or a default there."""
    names = [module.name for module in iter_modules(migrations.__path__)]
    later = [name for name in names if int(name[:4]) > LAST_THAT_MAY_KEEP_OLD_WORKERS_FROM_WRITING]
    assert later
    added = [
        operation
        for name in later
        for operation in import_module(f"leaderboard.migrations.{name}").Migration.operations
        if isinstance(operation, AddField) and not isinstance(operation.field, (GeneratedField, ManyToManyField))
    ]
    assert added
    assert [
        f"{each.model_name}.{each.name}"
        for each in added
        if not each.field.null and each.field.db_default is NOT_PROVIDED
    ] == []
