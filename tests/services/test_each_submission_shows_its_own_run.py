"""A submission's page and API answer tell of its own run; of others' they say whose it is."""

import pytest

from leaderboard import services
from tests.pages.reading import text
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db

REPORTED = {"reported": {"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"}}
ANOTHERS = "from another submission’s run"


def page_of(client, submission):
    return text(client.get(submission.get_absolute_url()))


def answer_of(client, submission):
    return client.get(f"/api/v1/submissions/{submission.pk}").json()


def test_a_withdrawn_submission_shows_nothing_of_who_asked_after_it(client, hardware, alice, bob):
    withdrawn, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    services.withdraw(withdrawn, by=alice)
    run, _ = verify(make_recipe(), hardware, submitter=bob)

    page, answer = page_of(client, withdrawn), answer_of(client, withdrawn)
    assert "Cancelled" in page
    assert "On the board" not in page
    assert (answer["state"], answer["run"]["state"], answer["run"]["entries"]) == ("cancelled", "cancelled", [])
    assert "On the board" in page_of(client, run.submission)
    assert ANOTHERS not in page_of(client, run.submission)


def test_a_sample_waits_by_itself_while_another_s_full_run_is_done(client, hardware, alice, bob):
    recipe = make_recipe(**REPORTED)
    sampled, _ = services.submit(recipe, hardware=hardware, submitter=alice, mode="sampled")
    verify(recipe, hardware, submitter=bob)

    answer = answer_of(client, sampled)
    assert (answer["state"], answer["run"]["mode"]) == ("queued", "sampled")
    page = page_of(client, sampled)
    assert "Queued" in page
    assert page.count(ANOTHERS) == 4


def test_a_failed_submission_names_the_result_that_another_brought(client, hardware, alice, bob):
    failed, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    services.fail(services.claim(failed.runs.get().pk, "worker"), "it broke")
    verify(make_recipe(), hardware, submitter=bob)
    page = page_of(client, failed)
    assert "it broke" in page
    assert page.count(ANOTHERS) == 4
