"""What everyone may look at: runs, submissions, queue, workers, tracks, hardware, schema, carbon."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from leaderboard.api import resources, serializers
from leaderboard.domain.carbon import GRID_REGIONS
from leaderboard.domain.cost import PRICE_REGIONS
from leaderboard.models import Attempt, PhaseEnergy, Run, Worker
from measurement.recipe import recipe_json_schema
from measurement.record import parse_record
from tests.api import builders
from tests.records import make_recipe, make_record

pytestmark = pytest.mark.django_db


def measured(run: Run, number: int, energy_j: float) -> None:
    attempt = Attempt.objects.create(run=run, number=number, worker="w", started_at=timezone.now(), record={})
    for scope in ("accelerator", "system"):
        PhaseEnergy.objects.create(
            attempt=attempt,
            position=0,
            phase="train",
            technique="supervised",
            scope=scope,
            provenance="metered",
            sources=["rapl"],
            contains_estimate=False,
            energy_j=energy_j,
        )


def test_run_shows_the_phases_of_its_current_attempt(client: Client) -> None:
    entry = builders.entry()
    run = entry.run
    run.attempt = 2
    run.progress = {"position": 0, "phase": "train", "fraction": 0.5}
    run.save()
    measured(run, 1, 1.0)
    measured(run, 2, 2.0)
    answer = client.get(f"/api/v1/runs/{run.pk}").json()
    assert set(answer) == set(resources.RunSerializer().fields)
    assert [(row["scope"], row["energy_j"]) for row in answer["phases"]] == [("accelerator", 2.0), ("system", 2.0)]
    assert answer["entries"] == [entry.pk]
    assert answer["progress"]["fraction"] == 0.5


def test_record_is_that_of_the_current_attempt(client: Client, django_assert_num_queries: Any) -> None:
    run = builders.run(state="running", attempt=2)
    address = f"/api/v1/runs/{run.pk}/record"
    assert "record not found; this run stored none" in client.get(address).json()["errors"][0]["message"]
    record = make_record(make_recipe())
    for number, found in ((1, {"record_version": 1}), (2, record.model_dump(mode="json"))):
        Attempt.objects.create(run=run, number=number, worker="w", started_at=timezone.now(), record=found)
    with django_assert_num_queries(2):
        answer = client.get(address)
    assert f'filename="run-{run.pk}-record.json"' in answer["Content-Disposition"]
    assert parse_record(answer.content) == record


def test_submission_follows_its_newest_run(client: Client, django_assert_num_queries: Any) -> None:
    alice = builders.user("alice")
    run = builders.run(state="failed", reason="Out of memory.", submitter=alice)
    address = f"/api/v1/submissions/{run.submission_id}"
    first = client.get(address)
    assert (first.json()["state"], first.json()["run"]["reason"]) == ("failed", "Out of memory.")
    assert "alice" not in first.content.decode()
    newer = Run.objects.create(
        submission=run.submission, recipe=run.recipe, hardware=run.hardware, queued_at=timezone.now()
    )
    measured(newer, 0, 1.0)
    with django_assert_num_queries(5):
        answer = client.get(address).json()
    assert (answer["state"], answer["run"]["id"]) == ("queued", newer.pk)


def test_run_with_a_number_that_is_none(client: Client) -> None:
    run = builders.run(state="running")
    # SQLite's JSON refuses NaN, so the renderer is asked directly.
    run.progress = {"power_w": float("nan"), "energy_j": float("inf"), "steps": [1.0, float("nan")]}
    from leaderboard.api.renderers import FiniteJSONRenderer

    assert b'"power_w":null,"energy_j":null,"steps":[1.0,null]' in FiniteJSONRenderer().render(
        resources.RunSerializer(run).data
    )


OPEN = ["queue", "workers", "tracks", "hardware", "recipe-schema", "carbon-intensities", "electricity-prices"]


@pytest.mark.parametrize("address", [*OPEN, "runs/1", "runs/1/record"])
def test_no_parameter_is_ignored(client: Client, address: str) -> None:
    answer = client.get(f"/api/v1/{address}?foo=1")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "foo"
