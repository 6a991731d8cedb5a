"""For a while a withdrawal can be undone: what was published is back as it was, and what was cancelled is queued."""

from datetime import timedelta

import pytest

from leaderboard import services
from leaderboard.models import Claim, Entry, LogLine, RemovedEntry, Run, Submission
from tests.records import make_recipe, make_record
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def published(hardware, alice):
    return verify(make_recipe(), hardware, submitter=alice)[0].submission


def stored():
    return list(Entry.objects.order_by("pk").values())


def submit(hardware, person, **changes):
    return services.submit(make_recipe(**changes), hardware=hardware, submitter=person)[0]


def test_what_was_published_comes_back_as_it_was(published, alice):
    before = stored()
    services.withdraw(published, by=alice)
    assert not stored()
    assert services.restore(published, by=alice) == []
    assert (stored(), RemovedEntry.objects.count()) == (before, 0)
    assert published.withdrawn_at is None
    acts = [line.action for line in LogLine.objects.order_by("pk")]
    assert acts == ["submit", "withdraw", "restore"]


def test_a_result_that_came_meanwhile_is_in_the_mean_under_the_same_number(hardware, published, alice, bob):
    numbers = {entry["id"] for entry in stored()}
    services.withdraw(published, by=alice)
    verify(make_recipe(seed=3), hardware, submitter=bob, one_time_j=300.0)
    assert {entry["id"] for entry in stored()} == numbers
    services.restore(published, by=alice)
    assert {(entry["id"] in numbers, entry["results"]) for entry in stored()} == {(True, 2)}


def test_a_queued_run_that_was_cancelled_is_queued_again(hardware, alice):
    submission = submit(hardware, alice)
    services.withdraw(submission, by=alice)
    (again,) = services.restore(submission, by=alice)
    assert [(run.state, run.mode) for run in submission.runs.order_by("pk")] == [
        ("cancelled", "full"),
        ("queued", "full"),
    ]
    assert LogLine.objects.get(action="restore").details == {"runs": [again.pk]}


def test_one_that_was_withdrawn_while_running_waits_for_it_to_stop(hardware, alice):
    submission = submit(hardware, alice)
    claim = services.claim(submission.runs.get().pk, "worker")
    services.withdraw(submission, by=alice)
    with pytest.raises(services.Refused, match="is still stopping; try again in a few seconds"):
        services.restore(submission, by=alice)
    assert services.stop(claim, cancelled=True)
    services.restore(submission, by=alice)
    assert submission.runs.order_by("pk").last().state == "queued"


def test_one_that_ended_before_it_could_be_stopped_is_published(hardware, alice):
    submission = submit(hardware, alice)
    claim = services.claim(submission.runs.get().pk, "worker")
    services.withdraw(submission, by=alice)
    assert services.record(claim, make_record(make_recipe()).model_dump_json().encode())
    assert not stored()
    assert services.restore(submission, by=alice) == []
    assert len(stored()) == 4


def test_runs_that_were_cancelled_before_stay_so(hardware, alice, administrator):
    submission = submit(hardware, alice)
    services.request_cancel(submission.runs.get(), by=administrator)
    services.withdraw(submission, by=alice)
    assert services.restore(submission, by=alice) == []


def test_what_another_asked_for_meanwhile_is_not_run_twice(hardware, alice, bob):
    submission = submit(hardware, alice)
    services.withdraw(submission, by=alice)
    submit(hardware, bob)
    assert services.restore(submission, by=alice) == []
    assert Run.objects.filter(state="queued").count() == 1


def test_it_can_be_undone_for_so_many_days(published, alice, settings):
    services.withdraw(published, by=alice)
    settings.UNDO_WITHDRAWAL_DAYS = 2
    before = published.created_at - timedelta(days=3)
    Submission.objects.update(withdrawn_at=before)
    with pytest.raises(services.Gone, match=f"withdrawn on {before:%Y-%m-%d}.*submit the recipe again"):
        services.restore(published, by=alice)
    Submission.objects.update(withdrawn_at=before + timedelta(days=2))
    services.restore(published, by=alice)
    with pytest.raises(services.Refused, match="is not withdrawn"):
        services.restore(published, by=alice)


def test_what_an_administrator_withdrew_only_administrators_put_back(published, alice, administrator):
    services.withdraw(published, by=administrator, reason="spam")
    with pytest.raises(services.Refused, match="by an administrator; ask one"):
        services.restore(published, by=alice)
    services.restore(published, by=administrator)
    assert len(stored()) == 4


def test_undoing_is_no_way_around_the_limits(hardware, alice, settings):
    settings.MAX_ACTIVE_RUNS = 1
    submission = submit(hardware, alice)
    services.withdraw(submission, by=alice)
    submit(hardware, alice, epochs=2)
    with pytest.raises(services.LimitReached, match="1 runs queued or running"):
        services.restore(submission, by=alice)
    assert Submission.objects.get(pk=submission.pk).withdrawn_at is not None


def test_undoing_is_no_way_to_more_seeds(hardware, alice, settings):
    settings.MAX_SEEDS = 1
    submission = submit(hardware, alice)
    services.withdraw(submission, by=alice)
    verify(make_recipe(seed=2), hardware, submitter=alice)
    with pytest.raises(services.Refused, match="1 results on this hardware"):
        services.restore(submission, by=alice)


def test_nobody_fills_the_log_by_withdrawing_and_undoing(published, alice, monkeypatch):
    monkeypatch.setattr("leaderboard.services.limits.MOST_ACTS_AN_HOUR", 2)
    for _ in range(2):
        services.withdraw(published, by=alice)
        services.restore(published, by=alice)
    services.withdraw(published, by=alice)
    with pytest.raises(services.LimitReached, match="2 times within the last hour"):
        services.restore(published, by=alice)


def test_names_that_another_gave_meanwhile_are_claimed_back(hardware, alice, bob):
    submission = verify(make_recipe("Alice's network"), hardware, submitter=alice)[0].submission
    services.withdraw(submission, by=alice)
    verify(make_recipe("Bob's network", seed=2), hardware, submitter=bob)
    assert services.standing_method(submission.recipe.work).title == "Bob's network"
    services.restore(submission, by=alice)
    assert [(claim.method.title, claim.state) for claim in Claim.objects.all()] == [("Alice's network", "open")]


def test_a_number_that_an_import_has_taken_is_not_overwritten(hardware, published, alice):
    services.withdraw(published, by=alice)
    taken = RemovedEntry.objects.order_by("number").first().number
    other = verify(make_recipe("Imported", epochs=2), hardware, submitter=alice)[0]
    moved = Entry.objects.filter(recipe=other.recipe).first()
    Entry.objects.filter(pk=moved.pk).update(id=taken)
    services.restore(published, by=alice)
    assert Entry.objects.get(pk=taken).recipe == other.recipe
    assert (Entry.objects.count(), RemovedEntry.objects.count()) == (8, 0)
