"""`?wait=` answers when a submission has ended, or the time is over: without a connection, and for a few at once."""

import threading

import pytest
from django.db import connection, connections

from leaderboard import services
from leaderboard.api import waiting
from tests.records import make_recipe
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(hardware, alice, settings):
    settings.MAX_WAIT_S = 60
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    return submission.runs.get()


class Waiting(threading.Thread):
    """A request that waits; `answer` is its response, and `open_connections` what it held meanwhile."""

    def __init__(self, client, address, **environ):
        super().__init__()
        self.environ = environ
        self.client, self.address, self.answer, self.connections = client, address, None, None

    def run(self):
        self.connections = connections["default"]
        self.answer = self.client.get(self.address, **self.environ)
        connection.close()


@pytest.fixture
def wait(client, run):
    started = []

    def start(seconds=60, **environ):
        thread = Waiting(client, f"/api/v1/submissions/{run.submission_id}?wait={seconds}", **environ)
        thread.start()
        started.append(thread)
        return thread

    yield start
    for thread in started:
        thread.join()


def test_it_answers_when_the_run_has_ended_and_holds_no_connection_until_then(run, wait):
    waits = wait()
    wait_until(lambda: waiting._Waiters.number == 1, "the request to wait")
    wait_until(lambda: waits.connections is not None and waits.connections.connection is None, "its connection to go")
    assert waits.is_alive()
    services.fail(services.claim(run.pk, "worker"), "no card")
    waits.join()
    assert waits.answer.json()["state"] == "failed"
    assert waits.answer["Cache-Control"] == "no-store"
    assert waiting._Waiters.number == 0


def test_it_answers_at_once_what_has_ended_and_after_a_while_what_has_not(client, run, settings):
    address = f"/api/v1/submissions/{run.submission_id}"
    assert client.get(f"{address}?wait=1").json()["state"] == "queued"
    settings.MAX_WAIT_S = 0
    assert client.get(f"{address}?wait=60").json()["state"] == "queued"
    settings.MAX_WAIT_S, settings.MAX_WAITERS = 60, 0
    services.request_cancel(run, by=None)
    answer = client.get(f"{address}?wait=60")
    assert answer.json()["state"] == "cancelled"
    assert not answer.has_header("Retry-After")


def test_more_than_may_wait_are_answered_at_once_with_when_to_ask_again(client, run, wait, settings):
    settings.MAX_WAITERS = 3  # of which one client may have half, rounded up
    first, second = wait(), wait()
    wait_until(lambda: waiting._Waiters.number == 2, "both to wait")
    answer = client.get(f"/api/v1/submissions/{run.submission_id}?wait=60")
    assert (answer.status_code, answer.json()["state"], answer["Retry-After"]) == (200, "queued", "5")
    third = wait(REMOTE_ADDR="192.0.2.1")
    wait_until(lambda: waiting._Waiters.number == 3, "another client to wait")
    services.request_cancel(run, by=None)
    third.join()
    first.join()
    second.join()
    assert waiting._Waiters.clients == {}


def test_who_waits_is_answered_when_the_process_ends(wait):
    waits = wait()
    wait_until(lambda: waiting._Waiters.number == 1, "the request to wait")
    waiting.leaving.set()
    try:
        waits.join()
    finally:
        waiting.leaving.clear()
    assert waits.answer.json()["state"] == "queued"


@pytest.mark.parametrize("value", ["61", "-1", "1.5", "1e1", "ten", "007", "٣", "%2010", "99999999999"])
def test_a_wait_that_can_t_be_is_named(client, run, value):
    answer = client.get(f"/api/v1/submissions/{run.submission_id}?wait={value}")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == "wait"
    assert "whole number" in error["message"] or "without spaces" in error["message"]
