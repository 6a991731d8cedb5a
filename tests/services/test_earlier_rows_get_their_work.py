"""Rows from before works were known keep everything: entries of one work are joined, and their numbers lead there."""

import json

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from leaderboard import models, services
from leaderboard.domain.students_t import student_t95
from tests.factories import UserFactory
from tests.records import make_recipe, make_record

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

NAME = "works_and_claims"
FIGURES = {
    "shared_energy_j": 0.0,
    "inference_energy_j": 0.01,
    "shared_u95_j": 0.0,
    "inference_u95_j": 0.001,
    "metered_shared_j": 0.0,
    "metered_own_j": 0.0,
    "inference_provenance": "estimated",
    "provenance": "estimated",
    "complete": True,
    "quality_metric": "top1",
    "quality_provenance": "evaluated",
    "parameters": 1000,
    "latency_p50_ms": 5.0,
    "throughput_images_per_s": 200.0,
    "batch_size": 64,
}


def migrated(*, to_before):
    """Models before the migration that is tested; without it, the present ones are back."""
    executor = MigrationExecutor(connection)
    (tested,) = (key for key in executor.loader.disk_migrations if key[0] == "leaderboard" and key[1].endswith(NAME))
    before = [key for key in executor.loader.disk_migrations[tested].dependencies if key[0] == "leaderboard"]
    targets = before if to_before else executor.loader.graph.leaf_nodes()
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


@pytest.fixture
def old():
    yield migrated(to_before=True)
    migrated(to_before=False)


def stored(apps, board, recipe, submitter, *joules):
    """A recipe with its submission, run, record and entry, as the earlier version stored them.

    joules: of its full runs, of which the last had once taken the others' place.
    """

    def make(name, **values):
        return apps.get_model("leaderboard", name).objects.create(**values)

    now = timezone.now()
    method = make("Method", title=recipe.method.title, family="compact", submitter_id=submitter.pk)
    kept = make("Recipe", sha256=recipe.sha256, method=method, track="digits", document=recipe.document())
    common = {"recipe": kept, "hardware": board.hardware}
    submission = make("Submission", submitter_id=submitter.pk, **common)
    for one_time_j in joules:
        run = make("Run", submission=submission, state="succeeded", attempt=1, queued_at=now, **common)
        record = json.loads(make_record(recipe, one_time_j=one_time_j, quality=one_time_j / 200).model_dump_json())
        make("Attempt", run=run, number=1, worker="w", started_at=now, outcome="succeeded", record=record)
    phases = [{"phase": "train", "energy_j": one_time_j, "u95_j": 1.0, "provenance": "estimated"}]
    figures = FIGURES | {"own_energy_j": one_time_j, "own_u95_j": 1.0, "quality": one_time_j / 200, "phases": phases}
    return make("Entry", board=board, recipe=kept, run=run, published_at=now, **figures).pk


def test_nothing_is_lost_and_seeds_of_a_work_become_one_entry(old, client):
    alice, bob = UserFactory(username="alice"), UserFactory(username="bob")
    hardware = old.get_model("leaderboard", "Hardware").objects.create(slug="cpu", name="A CPU", kind="cpu")
    board = old.get_model("leaderboard", "Board").objects.create(
        track="digits",
        hardware=hardware,
        scenario="offline",
        scope="accelerator",
        size=4,
        verified_size=4,
        revision=7,
    )
    weights = [
        {"phase": "pretrain", "technique": "pretrained", "source": "store", "sha256": "a" * 64},
        {"phase": "finetune", "technique": "supervised", "epochs": 1},
    ]
    first = stored(old, board, make_recipe("Net"), alice, 100.0)
    second = stored(old, board, make_recipe("Net, seed 1", seed=1), alice, 60.0)
    third = stored(old, board, make_recipe("Bob's net", seed=2), bob, 140.0)
    other = stored(old, board, make_recipe("Other", phases=weights), bob, 90.0, 70.0)
    numbers = {
        name: old.get_model("leaderboard", name).objects.count() for name in ("Recipe", "Run", "Attempt", "Method")
    }

    migrated(to_before=False)

    assert {name: getattr(models, name).objects.count() for name in numbers} == numbers
    joined, apart = models.Entry.objects.order_by("pk")
    assert (joined.pk, apart.pk) == (first, other)
    assert (joined.results, joined.own_energy_j, joined.quality) == (3, 100.0, pytest.approx(0.5))
    assert (apart.results, apart.own_energy_j, apart.submitters_weights) == (2, 80.0, True)
    deviation = ((2 * 0.4**2 + 2 * 0.125**2) / 3) ** 0.5  # of both works together
    assert joined.own_u95_j == pytest.approx(student_t95(3) * deviation * 100 / 3**0.5)
    assert apart.own_u95_j == pytest.approx(student_t95(3) * deviation * 80 / 2**0.5)
    now = models.Board.objects.get()
    assert (now.size, now.verified_size) == (2, 2)
    assert now.revision > 7
    assert joined.work.recipes.count() == 3
    assert {recipe.method.title for recipe in joined.work.recipes.all()} == {"Net"}
    assert [(claim.method.title, claim.state) for claim in models.Claim.objects.all()] == [("Bob's net", "open")]
    for number in (second, third):
        assert (
            client.get(f"/entries/{number}/?usage_intensity=5")["Location"] == f"/entries/{first}/?usage_intensity=5"
        )
        assert client.get(f"/api/v1/entries/{number}").json()["entry"] == first
        assert client.get(f"/api/v1/entries/{number}/badge.svg").status_code == 200

    # The next result is added to what there was.
    submission, _ = services.submit(make_recipe(seed=3), hardware=models.Hardware.objects.get(), submitter=alice)
    record = make_record(make_recipe(seed=3), hardware="A CPU", one_time_j=20.0)
    claim = services.claim(submission.runs.get().pk, "worker")
    assert services.record(claim, record.model_dump_json().encode())
    joined.refresh_from_db()
    assert (joined.results, joined.own_energy_j) == (4, 80.0)
