"""A run has one worker at a time; whoever lost it can write nothing more."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from leaderboard import services
from leaderboard.models import Attempt, Entry, PhaseEnergy, Run
from tests.records import make_recipe, make_record
from tests.waiting import HANG_S

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(hardware, alice) -> Run:
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    return submission.runs.get()


def lose_lease(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert services.reap() == [run.pk]


def record_text() -> bytes:
    return make_record(make_recipe()).model_dump_json().encode()


def test_a_run_is_claimed_once(run):
    assert services.claim(run.pk, "first") == services.Claim(run.pk, 1)
    assert services.claim(run.pk, "second") is None
    assert Attempt.objects.get().worker == "first"


def test_every_write_of_a_stale_worker_is_refused(run):
    stale = services.claim(run.pk, "silent")
    lose_lease(run)
    fresh = services.claim(run.pk, "lively")
    assert fresh.token == 2

    assert not services.renew_lease(stale)
    assert not services.report_progress(stale, {"fraction": 0.5})
    assert not services.record(stale, record_text())
    assert not services.fail(stale, "late")
    assert not services.stop(stale, cancelled=True)

    run.refresh_from_db()
    assert (run.state, run.attempt, run.progress) == ("running", 2, {})
    assert not PhaseEnergy.objects.exists()
    assert not Entry.objects.exists()
    assert services.record(fresh, record_text())
    assert Entry.objects.count() == 4


def test_a_lease_that_is_renewed_is_not_reaped(run):
    claim = services.claim(run.pk, "lively")
    assert services.renew_lease(claim)
    assert services.reap() == []


def test_a_run_whose_workers_keep_dying_fails_with_the_reason(run, settings):
    settings.MAX_ATTEMPTS = 3
    for attempt in (1, 2, 3):
        assert services.claim(run.pk, "doomed").token == attempt
        lose_lease(run)

    run.refresh_from_db()
    assert run.state == "failed"
    assert "stopped responding 3 times" in run.reason
    assert [attempt.outcome for attempt in run.attempts.all()] == ["lost", "lost", "failed"]


def test_a_worker_that_is_stopped_gives_its_run_back(run):
    claim = services.claim(run.pk, "leaving")
    assert services.stop(claim, cancelled=False)
    run.refresh_from_db()
    assert (run.state, run.notified_at) == ("queued", None)
    assert run.attempts.get().outcome == "stopped"


def test_a_worker_stopped_in_good_order_uses_up_no_attempt(run, settings):
    settings.MAX_ATTEMPTS = 2
    for _ in range(3):
        services.stop(services.claim(run.pk, "leaving"), cancelled=False)
    services.claim(run.pk, "silent")
    lose_lease(run)
    run.refresh_from_db()
    assert run.state == "queued"


def test_a_silent_worker_s_cancelled_run_is_cancelled_not_requeued(run, administrator):
    services.claim(run.pk, "silent")
    services.request_cancel(run, by=administrator)
    lose_lease(run)
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert "admin" in run.reason


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_gets_the_run(hardware):
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=None)
    run_id = submission.runs.get().pk
    claims, errors = [], []
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        try:
            barrier.wait(HANG_S)
            claims.append(services.claim(run_id, f"worker {number}"))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
    assert [claim.token for claim in claims if claim] == [1]
