"""The last reported spending of a lost attempt is kept, wherever its checkpoint is."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leaderboard import services
from leaderboard.models import Attempt, Run
from leaderboard.worker import follow
from leaderboard.worker.follow import Termination, Watch
from measurement.events import PhaseEnded, PhaseStarted, Progress, Started
from measurement.run.budget import Limits
from measurement.run.steps import Steps
from tests.records import CPU, make_recipe, make_record

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(hardware) -> Run:
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=None)
    return submission.runs.get()


def passed_over() -> list:
    """What a child tells of a phase that an earlier attempt did."""
    events: list = []
    steps = Steps(None, events.append, Limits(), started_s=0.0, spent_j={})
    steps.pass_over(make_record(make_recipe(), one_time_j=1000.0).phases[0])
    return events


def reported(energy_j):
    return [
        Started(hardware=CPU, phases=("train", "evaluate", "inference offline")),
        *passed_over(),
        PhaseStarted(position=1, phase="evaluate", provenance="estimated"),
        PhaseEnded(position=1, energy_j=energy_j, duration_s=1.0),
        PhaseStarted(position=2, phase="inference", scenario="offline", provenance="estimated"),
        Progress(position=2, fraction=0.1, energy_j=energy_j),
        Progress(position=2, fraction=0.2, energy_j=energy_j and 2 * energy_j),
    ]


def followed(run, events, monkeypatch):
    """A claim on the run whose child has reported `events`."""
    monkeypatch.setattr(follow, "PROGRESS_EVERY_S", 0.0)
    claim = services.claim(run.pk, "worker")
    seen = Watch(claim, "worker", Termination())
    for event in events:
        assert seen(event) == ""
    return claim


def silent(claim):
    Run.objects.filter(pk=claim.run_id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert services.reap() == [claim.run_id]


ENDINGS = {
    "lost": silent,
    "stopped": lambda claim: services.stop(claim, cancelled=False),
    "failed": lambda claim: services.fail(claim, "it broke"),
}


@pytest.mark.parametrize("outcome", ENDINGS)
def test_an_attempt_keeps_its_last_reported_spending(run, monkeypatch, outcome):
    ENDINGS[outcome](followed(run, reported(10.0), monkeypatch))

    attempt = run.attempts.get()
    assert (attempt.outcome, attempt.spent_energy_j, attempt.spent_provenance) == (outcome, 30.0, "estimated")
    assert 0 < attempt.spent_time_s < 60


@pytest.mark.parametrize(("events", "knows_time"), [([], False), (reported(None), True), (passed_over(), True)])
def test_unreported_spending_is_missing_and_not_zero(run, monkeypatch, events, knows_time):
    silent(followed(run, events, monkeypatch))

    attempt = run.attempts.get()
    assert (attempt.spent_energy_j, attempt.spent_provenance) == (None, "missing")
    assert (attempt.spent_time_s is not None) == knows_time


def test_each_attempt_counts_its_own(run, monkeypatch):
    silent(followed(run, reported(10.0), monkeypatch))
    silent(followed(run, [], monkeypatch))
    assert [attempt.spent_energy_j for attempt in Attempt.objects.order_by("number")] == [30.0, None]


def test_reporting_costs_no_write_of_its_own(run, monkeypatch):
    with CaptureQueriesContext(connection) as captured:
        followed(run, reported(10.0), monkeypatch)
    written = [query["sql"] for query in captured if query["sql"].startswith(("UPDATE", "INSERT"))]
    assert sum('"leaderboard_attempt"' in sql for sql in written) == 1, "that of the claim"
    assert any('"progress"' in sql for sql in written)
