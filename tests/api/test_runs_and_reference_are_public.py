"""What everyone may look at: runs, submissions, queue, workers, tracks, hardware, schema, carbon."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from leaderboard.api.schemas.reference import GridRegionSerializer, PriceRegionSerializer, TrackSerializer
from leaderboard.api.schemas.runs import QueueLineSerializer, RunSerializer
from leaderboard.domain.carbon import GRID_REGIONS
from leaderboard.domain.cost import PRICE_REGIONS
from leaderboard.models import Attempt, PhaseEnergy, Run, Worker
from measurement.recipe import recipe_json_schema
from measurement.record import parse_record
from tests.api import builders
from tests.factories import HardwareFactory
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
    assert set(answer) == set(RunSerializer().fields)
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
    with django_assert_num_queries(6):
        answer = client.get(address).json()
    assert (answer["state"], answer["run"]["id"]) == ("queued", newer.pk)


def test_run_with_a_number_that_is_none(client: Client) -> None:
    run = builders.run(state="running")
    # SQLite's JSON refuses NaN, so the renderer is asked directly.
    run.progress = {"power_w": float("nan"), "energy_j": float("inf"), "steps": [1.0, float("nan")]}
    from leaderboard.api.renderers import FiniteJSONRenderer

    assert b'"power_w":null,"energy_j":null,"steps":[1.0,null]' in FiniteJSONRenderer().render(
        RunSerializer(run).data
    )


@pytest.mark.parametrize(
    "address",
    [
        "runs/1",
        f"runs/{'9' * 30}",
        "runs/1/record",
        "submissions/00000000-0000-4000-8000-000000000000",
        "submissions/abc",
    ],
)
def test_what_is_not_there(client: Client, address: str) -> None:
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["message"]


def test_queue_is_in_order(client: Client, django_assert_num_queries: Any) -> None:
    now = timezone.now()
    later = builders.run(state="queued", queued_at=now)
    sooner = builders.run(state="queued", queued_at=now - timedelta(minutes=1))
    running = builders.run(state="running", queued_at=now)
    builders.run(state="succeeded")
    with django_assert_num_queries(3):
        answer = client.get("/api/v1/queue").json()
    assert [line["id"] for line in answer["results"]] == [running.pk, sooner.pk, later.pk]
    assert answer["count"] == 3
    assert set(answer["results"][0]) == set(QueueLineSerializer().fields)
    for _ in range(47):
        builders.run(state="queued")
    with django_assert_num_queries(3):
        assert len(client.get("/api/v1/queue").json()["results"]) == 50
    assert client.get("/api/v1/queue?page_size=1&page=2").json()["results"][0]["id"] == sooner.pk
    assert client.get("/api/v1/queue?page=9").status_code == 400


def test_hardware_comes_by_name_on_either_database(client: Client) -> None:
    for slug in ("card-c", "card-a", "card-b"):
        HardwareFactory(slug=slug)
    names = [each["name"] for each in client.get("/api/v1/hardware").json()]
    assert names == ["Card A", "Card B", "Card C"]


def test_workers_and_hardware(client: Client) -> None:
    hardware, now = builders.hardware(), timezone.now()
    for name, seen_at in (("awake", now), ("silent", now - timedelta(hours=1))):
        Worker.objects.create(name=name, hardware=hardware, device="cpu", started_at=now, seen_at=seen_at)
    workers = client.get("/api/v1/workers").json()
    assert [(line["name"], line["hardware"], line["live"]) for line in workers] == [
        ("awake", "test-cpu", True),
        ("silent", "test-cpu", False),
    ]
    assert client.get("/api/v1/hardware").json() == [
        {"slug": "test-cpu", "name": "TEST-CPU", "kind": "cpu", "live_workers": 1}
    ]


def test_tracks_schema_and_carbon(client: Client) -> None:
    track, *_, dense, boxed = client.get("/api/v1/tracks").json()
    assert set(track) == set(TrackSerializer().fields)
    assert (track["slug"], track["metric"], track["classes"]) == ("digits", "top1", 10)
    assert (dense["slug"], dense["metric"], dense["classes"]) == ("segmentation", "miou", None)
    assert (boxed["slug"], boxed["metric"], boxed["classes"]) == ("detection", "map", None)
    assert client.get("/api/v1/recipe-schema").json() == recipe_json_schema()
    carbon = client.get("/api/v1/carbon-intensities").json()
    assert len(carbon["regions"]) == len(GRID_REGIONS)
    assert set(carbon["regions"][0]) == set(GridRegionSerializer().fields)
    assert carbon["source_url"].startswith("https://")
    prices = client.get("/api/v1/electricity-prices").json()["regions"]
    assert {price["slug"] for price in prices} == {region.slug for region in PRICE_REGIONS}
    assert set(prices[0]) == set(PriceRegionSerializer().fields)


OPEN = ["queue", "workers", "tracks", "hardware", "recipe-schema", "carbon-intensities", "electricity-prices"]


@pytest.mark.parametrize("address", [*OPEN, "runs/1", "runs/1/record"])
def test_no_parameter_is_ignored(client: Client, address: str) -> None:
    answer = client.get(f"/api/v1/{address}?foo=1")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "foo"
