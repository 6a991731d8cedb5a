"""Redis behind a Sentinel: the master ends, the replica takes its place, and a worker goes on without a restart.

Redis and Sentinel each have a password of their own.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

import pytest
import redis

from leaderboard import dispatch
from leaderboard.celery import app
from leaderboard.management.one_machine import _redis_server
from tests.live.site import free_port
from tests.waiting import HANG_S, wait_until
from tests.worker.real_worker import started, worker

pytestmark = pytest.mark.slow

MASTER = "runs"
DONE = "succeeded in"
OF_REDIS, OF_SENTINEL = "redis-password", "sentinel-password"
SENTINEL = """\
port {port}
bind 127.0.0.1
sentinel monitor {master} 127.0.0.1 {watched} 1
sentinel down-after-milliseconds {master} 500
sentinel failover-timeout {master} 2000
sentinel auth-pass {master} {of_redis}
requirepass {of_sentinel}
"""


@contextmanager
def redis_server(folder, *options):
    """A Redis on a port of its own, which answers."""
    port = free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", *options]
    words += ["--requirepass", OF_REDIS, "--masterauth", OF_REDIS]
    with (
        started([_redis_server(), *words], folder / f"{port}.log") as process,
        redis.Redis(port=port, password=OF_REDIS, socket_timeout=HANG_S) as client,
    ):
        wait_until(lambda: _pings(client), "Redis")
        yield process, client, port


def _pings(client) -> bool:
    try:
        return client.ping()
    except redis.ConnectionError:
        return False


@pytest.fixture
def failing(tmp_path):
    """A master with its replica, watched by a Sentinel: the master's process, Sentinel's client, and the ports."""
    with ExitStack() as stack:
        process, _, port = stack.enter_context(redis_server(tmp_path))
        _, replica, other = stack.enter_context(redis_server(tmp_path, "--replicaof", "127.0.0.1", str(port)))
        wait_until(lambda: replica.info()["master_link_status"] == "up", "the replica to follow")
        configuration = tmp_path / "sentinel.conf"
        watching = free_port()
        passwords = {"of_redis": OF_REDIS, "of_sentinel": OF_SENTINEL}
        configuration.write_text(SENTINEL.format(port=watching, watched=port, master=MASTER, **passwords))
        stack.enter_context(started([_redis_server(), str(configuration), "--sentinel"], tmp_path / "sentinel.log"))
        sentinel = stack.enter_context(redis.Redis(port=watching, password=OF_SENTINEL, socket_timeout=HANG_S))
        wait_until(lambda: _pings(sentinel), "Sentinel")
        wait_until(lambda: sentinel.sentinel_slaves(MASTER), "Sentinel to find the replica")
        yield process, sentinel, watching, other


def test_a_task_sent_after_the_master_ended_is_executed(failing, tmp_path, settings, monkeypatch):
    master, sentinel, watching, other = failing
    address = f"sentinel://:{OF_REDIS}@127.0.0.1:{watching};sentinel://127.0.0.1:{free_port()}"
    settings.REDIS_URL = address
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = options | {"master_name": MASTER}
    assert not dispatch.answers()
    options = options | {"master_name": MASTER, "sentinel_kwargs": {"password": OF_SENTINEL}}
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = options
    monkeypatch.setenv("CELERY_BROKER_URL", address)
    app._after_fork()

    def sent() -> bool:
        dispatch._failed_at.clear()
        return dispatch.notify_of_notices()

    with worker(tmp_path, REDIS_URL=address, REDIS_MASTER=MASTER, SENTINEL_PASSWORD=OF_SENTINEL) as (process, log):
        wait_until(sent, "a broker to take a message")
        wait_until(lambda: log().count(DONE) == 1, "the worker", tell=log)

        master.kill()
        wait_until(
            lambda: sentinel.sentinel_get_master_addr_by_name(MASTER)[1] == other, "the replica to be the master"
        )
        wait_until(sent, "the new master to take a message", every_s=0.2)
        assert dispatch.answers()
        wait_until(lambda: log().count(DONE) >= 2, "the worker to find the new master", tell=log)
        assert process.poll() is None
    app._after_fork()
