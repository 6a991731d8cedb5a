"""A queued run's number arrives in its hardware's queue, in a real Redis: of a long line, the first few."""

import base64
import json
import os
import signal

import pytest
import redis
from django.utils import timezone

from leaderboard import dispatch, services, tasks
from leaderboard.celery import app
from leaderboard.management.one_machine import embedded_redis
from leaderboard.models import Hardware, Run
from tests.records import CPU, make_recipe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def server():
    with embedded_redis() as address:
        yield address


def client_of(server: str) -> redis.Redis:
    return redis.Redis(unix_socket_path=server.removeprefix("redis+socket://"))


@pytest.fixture
def received(server, settings, monkeypatch):
    """The numbers of the runs in the messages of a hardware's queue, in order; reading empties it."""
    settings.REDIS_URL = server
    monkeypatch.setenv("CELERY_BROKER_URL", server)
    app._after_fork()  # forgets the connections to the broker of before
    dispatch._failed_at.clear()
    with client_of(server) as client:
        client.flushall()

        def read(hardware: Hardware) -> list[int]:
            messages = [json.loads(text) for text in reversed(client.lrange(hardware.queue, 0, -1))]
            client.delete(hardware.queue)
            assert {message["headers"]["task"] for message in messages} <= {"leaderboard.tasks.verify"}
            return [json.loads(base64.b64decode(message["body"]))[0][0] for message in messages]

        yield read
    app._after_fork()


@pytest.fixture
def cpu() -> Hardware:
    return services.register_hardware(CPU, "cpu")


def wait_in_line(hardware: Hardware, number: int) -> list[int]:
    submission, _ = services.submit(make_recipe(epochs=78), hardware=hardware, submitter=None)
    run = submission.runs.get()
    Run.objects.bulk_create(
        Run(submission=submission, recipe=run.recipe, hardware=hardware, queued_at=timezone.now())
        for _ in range(number - 1)
    )
    Run.objects.update(notified_at=None)
    return list(Run.objects.filter(hardware=hardware).order_by("pk").values_list("pk", flat=True))


def test_a_submission_and_a_re_run_go_to_their_hardware_s_queue(cpu, received):
    gpu = services.register_hardware("NVIDIA H100 80GB HBM3", "cuda")
    submission, _ = services.submit(make_recipe(), hardware=gpu, submitter=None)
    run = submission.runs.get()
    assert received(gpu) == [run.pk]
    assert received(cpu) == []
    assert run.notified_at is not None

    services.fail(services.claim(run.pk, "worker"), "it broke")
    again = services.rerun(run, by=None)
    assert received(gpu) == [again.pk]


def test_a_sweep_notifies_of_the_first_in_each_line(cpu, received):
    gpu = services.register_hardware("NVIDIA H100 80GB HBM3", "cuda")
    lines = {hardware: wait_in_line(hardware, 14) for hardware in (cpu, gpu)}
    received(cpu), received(gpu)

    tasks.sweep_queued()
    assert {hardware: received(hardware) for hardware in lines} == {cpu: lines[cpu][:10], gpu: lines[gpu][:10]}
    tasks.sweep_queued()
    assert received(cpu) == []

    services.fail(services.claim(lines[cpu][0], "worker"), "it broke")
    tasks.sweep_queued()
    assert received(cpu) == [lines[cpu][10]]


def test_a_worker_that_finishes_notifies_of_the_next(cpu, received, settings, tmp_path, monkeypatch):
    settings.DATA_ROOT = tmp_path
    line = wait_in_line(cpu, 3)
    received(cpu)
    monkeypatch.setattr("leaderboard.worker.child._measurement_command", lambda *_: ["false"])
    tasks.verify(line[0])
    assert Run.objects.get(pk=line[0]).state == "failed"
    assert received(cpu) == [line[1]]


def test_a_silent_worker_s_run_is_dispatched_again(cpu, received, settings):
    settings.LEASE_SECONDS = -1
    (waiting,) = wait_in_line(cpu, 1)
    received(cpu)
    services.claim(waiting, "silent")
    tasks.reap_expired()
    assert received(cpu) == [waiting]


@pytest.mark.parametrize("is_connected", [True, False])
def test_a_broker_that_hangs_is_asked_once_and_the_sweep_notifies(cpu, received, server, monkeypatch, is_connected):
    if is_connected:
        services.submit(make_recipe(), hardware=cpu, submitter=None)
        received(cpu)
    else:
        dispatch.producers[dispatch._connection()].force_close_all()
        dispatch.producers.clear()
    with client_of(server) as client:
        pid = client.info()["process_id"]
    tried, real = [], app.send_task
    monkeypatch.setattr(app, "send_task", lambda *given, **named: tried.append(given) or real(*given, **named))
    os.kill(pid, signal.SIGSTOP)
    try:
        line = [
            services.submit(make_recipe(epochs=epochs), hardware=cpu, submitter=None)[0].runs.get()
            for epochs in (2, 3, 4)
        ]
    finally:
        os.kill(pid, signal.SIGCONT)

    assert len(tried) == 1
    assert {run.notified_at for run in line} == {None}
    assert 2 * dispatch.ANSWERS_WITHIN_S <= 0.5
    received(cpu)  # what was sent into the frozen socket arrives after all
    dispatch._failed_at.clear()  # as if its time had passed
    tasks.sweep_queued()
    assert set(received(cpu)) >= {run.pk for run in line}


def test_of_a_long_line_that_nobody_hears_the_newest_are_kept(cpu, received, monkeypatch):
    monkeypatch.setattr(dispatch, "MOST_KEPT", 3)
    line = wait_in_line(cpu, 6)
    services.dispatch(Run.objects.filter(pk__in=line).order_by("pk"))
    assert received(cpu) == line[-3:]


def test_without_a_broker_no_run_is_marked_as_notified(cpu, settings, monkeypatch):
    settings.REDIS_URL = "redis+socket:///nowhere/redis.sock"
    monkeypatch.setenv("CELERY_BROKER_URL", settings.REDIS_URL)
    app._after_fork()
    submission, _ = services.submit(make_recipe(), hardware=cpu, submitter=None)
    assert submission.runs.get().notified_at is None
    app._after_fork()
