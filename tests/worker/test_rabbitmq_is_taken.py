"""RabbitMQ by its address: a task is sent and executed. RABBITMQ=1 runs it, with RabbitMQ's server installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from leaderboard import dispatch
from leaderboard.celery import app
from tests.live.site import free_port
from tests.waiting import wait_until
from tests.worker.real_worker import started, worker

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "RABBITMQ" not in os.environ, reason="RABBITMQ=1 runs it; the server takes some 10 s of a core"
    ),
]


@pytest.fixture
def rabbitmq(tmp_path):
    """The address of a server of its own, in its own folder."""
    port = free_port()
    environment = os.environ | {
        "HOME": str(tmp_path),
        "ERL_EPMD_PORT": str(free_port()),
        "RABBITMQ_NODENAME": "tests@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(tmp_path / "mnesia"),
        "RABBITMQ_LOG_BASE": str(tmp_path / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(tmp_path / "plugins"),
    }
    with started([str(SERVER)], tmp_path / "rabbitmq.log", environment) as process:
        yield f"amqp://guest:guest@127.0.0.1:{port}//"
        process.terminate()
        process.wait()
    subprocess.run(["epmd", "-kill"], env=environment, check=False)


def test_a_task_is_sent_and_executed(rabbitmq, tmp_path, settings, monkeypatch):
    settings.REDIS_URL = rabbitmq
    monkeypatch.setenv("CELERY_BROKER_URL", rabbitmq)
    app._after_fork()
    wait_until(dispatch.answers, "RabbitMQ", every_s=0.2)
    dispatch._failed_at.clear()
    with worker(tmp_path, REDIS_URL=rabbitmq) as (_, log):
        wait_until(dispatch.notify_of_notices, "RabbitMQ to take a message", every_s=0.2)
        wait_until(lambda: "succeeded in" in log(), "the worker", tell=log)
    app._after_fork()
