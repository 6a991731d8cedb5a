"""A commit has the notices sent by the process that serves their queue, by a message in a real Redis."""

import json

import pytest
import redis
from honcho.environ import parse_procfile

from leaderboard import dispatch, services
from leaderboard.celery import app
from leaderboard.configuration import BASE_DIR
from leaderboard.management.one_machine import embedded_redis
from leaderboard.models import Delivery
from leaderboard.tasks import deliver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def waiting(settings, monkeypatch):
    """The tasks in the queue."""
    with embedded_redis() as address, redis.Redis(unix_socket_path=address.removeprefix("redis+socket://")) as client:
        settings.REDIS_URL = address
        monkeypatch.setenv("CELERY_BROKER_URL", address)
        app._after_fork()
        dispatch._failed_at.clear()
        yield lambda: [json.loads(text)["headers"]["task"] for text in client.lrange(dispatch.NOTICES, 0, -1)]
    app._after_fork()


def test_a_message_for_a_commit_and_few_for_many(administrator, waiting, mailbox):
    services.tell_administrators("The disk is full", "Make room.")
    assert waiting() == ["leaderboard.tasks.deliver"]
    deliver()
    assert len(mailbox.mails) == 1
    for _ in range(20):
        services.tell_administrators("The disk is full", "Make room.")
    assert len(waiting()) == dispatch.MOST_CALLS_KEPT, "each has everything sent"


def test_without_a_broker_the_sweep_sends_it(administrator, settings, mailbox):
    settings.REDIS_URL = ""
    services.tell_administrators("The disk is full", "Make room.")
    assert Delivery.objects.get().state == "waiting"
    deliver()
    assert len(mailbox.mails) == 1


def test_a_process_of_its_own_serves_the_queue(settings):
    commands = parse_procfile((BASE_DIR / "Procfile").read_text()).processes
    assert [name for name, command in commands.items() if f"--queues {dispatch.NOTICES} " in command] == ["notices"]
    sweeps = [entry for entry in settings.CELERY_BEAT_SCHEDULE.values() if entry["task"] == dispatch.DELIVER]
    assert [sweep["options"]["queue"] for sweep in sweeps] == [dispatch.NOTICES]
