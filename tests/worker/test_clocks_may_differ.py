"""A worker whose clock is wrong behaves as any other: everything is dated by the database's clock."""

import json
from datetime import timedelta
from io import StringIO
from itertools import pairwise

import pytest
import redis
import time_machine
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from leaderboard import dispatch, services, tasks
from leaderboard.database import clock
from leaderboard.management.one_machine import embedded_redis
from leaderboard.models import Attempt, Board, Entry, Hardware, Run, Worker
from tests.pages.reading import text
from tests.records import CPU, make_recipe, make_record

pytestmark = pytest.mark.django_db(transaction=True)
OFFSETS_S = [120.0, -120.0, 3.0e7, -3.0e7]


def elsewhere(offset_s: float) -> time_machine.travel:
    """In this process, as on a machine whose clock is wrong by `offset_s`. The database keeps its own."""
    return time_machine.travel(timezone.now() + timedelta(seconds=offset_s), tick=True)


@pytest.fixture
def cpu() -> Hardware:
    return services.register_hardware(CPU, "cpu")


@pytest.fixture
def run(cpu) -> Run:
    submission, _ = services.submit(make_recipe(), hardware=cpu, submitter=None)
    return submission.runs.get()


def times() -> list:
    """Every stored time, in the order in which it was to come about."""
    run, attempt, worker = Run.objects.get(), Attempt.objects.get(), Worker.objects.get()
    return [
        *(worker.hardware.created_at, run.recipe.method.created_at, run.recipe.created_at),
        *(run.submission.created_at, run.queued_at, worker.started_at, run.started_at, attempt.started_at),
        *(run.finished_at, attempt.ended_at, Entry.objects.first().published_at, Board.objects.first().changed_at),
    ]


@pytest.mark.parametrize("offset_s", OFFSETS_S)
def test_a_worker_is_live_and_its_times_run_forwards(run, cpu, client, offset_s):
    before = clock.now()
    with elsewhere(offset_s):
        services.register_worker("far-off", hardware=cpu, device="cpu", diagnosis={})
        claim = services.claim(run.pk, "far-off")
        services.worker_seen("far-off")
        assert services.renew_lease(claim)
    line = client.get("/api/v1/workers").json()[0]
    assert line["live"]
    assert abs(line["clock_offset_s"] - offset_s) < 60
    page = text(client.get(reverse("queue")))
    assert "far-off" in page
    assert ("ahead" if offset_s > 0 else "behind") in page
    call_command("doctor", stdout=(said := StringIO()))
    assert "clock      this machine's is in step" in said.getvalue()
    assert "worker     far-off: in service; clock" in said.getvalue()
    assert services.reap() == []

    with elsewhere(offset_s):
        assert services.record(claim, make_record(make_recipe()).model_dump_json().encode())
    stored = times()
    slack = timedelta(milliseconds=1)  # SQLite's clock has no finer steps
    assert all(first <= second + slack for first, second in pairwise(stored))
    assert before - slack <= stored[5]
    assert stored[-1] <= clock.now() + slack


@pytest.mark.parametrize("offset_s", OFFSETS_S)
def test_a_site_s_machine_sees_workers_and_queue_by_the_database_s_clock(run, cpu, client, offset_s):
    services.register_worker("in-step", hardware=cpu, device="cpu", diagnosis={})
    with elsewhere(offset_s):
        assert client.get("/api/v1/workers").json()[0]["live"]
        assert client.get("/api/v1/hardware").json()[0]["live_workers"] == 1
        assert "in-step" in text(client.get(reverse("queue")))
        call_command("doctor", stdout=(said := StringIO()))
        assert "compared with the database's; harmless" in said.getvalue()
        services.claim(run.pk, "in-step")
        page = text(client.get(reverse("submission", args=[run.submission_id])))
        assert "days" not in page
        assert tasks.queries.runs().due_for_notification().count() == 0


def test_a_notification_does_not_expire_by_anybody_s_clock(run, settings):
    with embedded_redis() as server, redis.Redis(unix_socket_path=server.removeprefix("redis+socket://")) as client:
        settings.REDIS_URL = server
        assert dispatch.notify(run)
        (message,) = client.lrange(run.hardware.queue, 0, -1)
        assert json.loads(message)["headers"].get("expires") is None
