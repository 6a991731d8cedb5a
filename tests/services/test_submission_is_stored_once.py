"""A recipe is known by what it does: the same one twice is found, not stored twice."""

import pytest

from leaderboard import services
from leaderboard.models import Claim, Entry, Method, Recipe, Run, Submission
from leaderboard.services import Refused
from tests.records import make_recipe, make_record

pytestmark = pytest.mark.django_db


def test_a_submission_stores_method_recipe_and_a_queued_run(hardware, alice):
    recipe = make_recipe("Small, plainly trained")

    submission, created = services.submit(recipe, hardware=hardware, submitter=alice)

    assert created
    assert submission.recipe.sha256 == recipe.sha256
    assert submission.recipe.document == recipe.document()
    assert submission.recipe.method.title == "Small, plainly trained"
    run = submission.runs.get()
    assert (run.state, run.attempt, run.hardware) == ("queued", 0, hardware)


def test_the_same_recipe_under_another_name_is_found_and_the_name_kept_as_a_claim(hardware, alice, bob):
    first, _ = services.submit(make_recipe("Alice's"), hardware=hardware, submitter=alice)

    second, created = services.submit(make_recipe("Bob's"), hardware=hardware, submitter=bob)

    assert (second, created) == (first, False)
    assert (Recipe.objects.count(), Run.objects.count()) == (1, 1)
    assert first.recipe.method == Method.objects.get(title="Alice's")
    assert Claim.objects.get().method == Method.objects.get(title="Bob's")


def test_a_failed_recipe_may_be_submitted_again(hardware, alice):
    first, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    services.fail(services.claim(first.runs.get().pk, "worker"), "it broke")

    second, created = services.submit(make_recipe(), hardware=hardware, submitter=alice)

    assert created
    assert second != first
    assert second.recipe == first.recipe


def test_withdrawing_cancels_the_run_and_takes_the_entries_down(hardware, alice):
    waiting, _ = services.submit(make_recipe(epochs=2), hardware=hardware, submitter=alice)
    done, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    services.record(
        services.claim(done.runs.get().pk, "worker"), make_record(make_recipe()).model_dump_json().encode()
    )
    assert Entry.objects.count() == 4

    services.withdraw(waiting, by=alice)
    services.withdraw(done, by=alice)

    assert waiting.runs.get().state == "cancelled"
    assert done.runs.get().state == "succeeded"
    assert not Entry.objects.exists()
    with pytest.raises(Refused, match="was already withdrawn"):
        services.withdraw(done, by=alice)


def test_a_result_that_arrives_after_withdrawal_is_not_published(hardware, alice):
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    claim = services.claim(submission.runs.get().pk, "worker")
    Submission.objects.update(withdrawn_at="2026-01-01T00:00Z")

    services.record(claim, make_record(make_recipe()).model_dump_json().encode())

    assert not Entry.objects.exists()


def test_a_withdrawn_recipe_may_be_submitted_again(hardware, alice, bob):
    first, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    services.withdraw(first, by=alice)

    _, created = services.submit(make_recipe(), hardware=hardware, submitter=bob)

    assert created


REPORTED = {"reported": {"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"}}


def asked(hardware, submitter, mode):
    return services.submit(make_recipe(**REPORTED), hardware=hardware, submitter=submitter, mode=mode)


@pytest.mark.parametrize("verified", [False, True])
def test_a_full_run_follows_a_sampled_one_in_a_submission_of_who_asks(hardware, alice, bob, verified):
    sampled, _ = asked(hardware, alice, "sampled")
    if verified:
        Run.objects.update(state="succeeded")

    assert asked(hardware, bob, "sampled") == (sampled, False)
    full, created = asked(hardware, bob, "full")
    assert (created, full.submitter, full.recipe) == (True, bob, sampled.recipe)
    assert [asked(hardware, alice, mode) for mode in ("full", "sampled")] == [(full, False)] * 2
    assert [(run.mode, run.requested_by) for run in (sampled.runs.get(), full.runs.get())] == [
        ("sampled", alice),
        ("full", bob),
    ]


def test_the_full_run_of_one_s_own_sample_joins_it(hardware, alice):
    sampled, _ = asked(hardware, alice, "sampled")
    assert asked(hardware, alice, "full") == (sampled, True)
    assert sorted(run.mode for run in sampled.runs.all()) == ["full", "sampled"]


def test_a_full_run_answers_for_a_sample(hardware, alice, bob):
    full, _ = asked(hardware, alice, "full")
    assert asked(hardware, bob, "sampled") == (full, False)
    assert Run.objects.count() == 1


def test_a_full_run_that_failed_may_be_asked_for_again(hardware, alice):
    sampled, _ = asked(hardware, alice, "sampled")
    asked(hardware, alice, "full")
    services.fail(services.claim(sampled.runs.get(mode="full").pk, "worker"), "it broke")

    assert asked(hardware, alice, "sampled") == (sampled, False)
    assert asked(hardware, alice, "full") == (sampled, True)
    assert sampled.runs.filter(mode="full").count() == 2


def test_full_runs_of_others_samples_count_as_the_share_of_who_asks(hardware, alice, bob, settings):
    settings.MAX_ACTIVE_RUNS = 1
    asked(hardware, alice, "sampled")
    asked(hardware, bob, "full")
    with pytest.raises(Refused, match="which is the limit"):
        services.submit(make_recipe(epochs=2), hardware=hardware, submitter=bob)
