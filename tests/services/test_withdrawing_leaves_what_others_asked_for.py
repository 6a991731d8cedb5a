"""Withdrawing takes a work off the boards only with its last submission; until then every result counts."""

import pytest

from leaderboard import services
from leaderboard.models import Board, Claim, Entry, Method, Run
from leaderboard.services import Refused
from measurement.record import Quality
from measurement.vocabulary import Flag
from tests.records import make_recipe, make_record

pytestmark = pytest.mark.django_db

REPORTED = {"reported": {"quality": 0.96, "evidence": "https://arxiv.org/abs/2108.13465"}}
RECIPE = make_recipe(**REPORTED)
OTHER = "Another CPU"


def ask(hardware, submitter, mode="full", recipe=RECIPE):
    return services.submit(recipe, hardware=hardware, submitter=submitter, mode=mode)[0]


def measure(run, quality=0.4, **figures):
    record = make_record(RECIPE, hardware=run.hardware.name, quality=quality, **figures)
    if run.mode == "sampled":
        said = Quality(
            metric="top1", value=quality, provenance="reported", evidence="https://arxiv.org/abs/2108.13465"
        )
        record = record.model_copy(update={"mode": "sampled", "quality": said})
    assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
    run.refresh_from_db()
    return run


def on_boards():
    return {(entry.run_id, entry.quality) for entry in Entry.objects.all()}


@pytest.fixture
def sampled(hardware, alice):
    """Alice's submission, whose sample is on the boards with the quality that she reports."""
    submission = ask(hardware, alice, "sampled")
    measure(submission.runs.get(), 0.96)
    return submission


def test_the_owner_of_a_sample_can_t_put_it_back_over_another_s_full_result(hardware, sampled, alice, bob):
    full = measure(ask(hardware, bob).runs.get())
    services.withdraw(sampled, by=alice)
    assert on_boards() == {(full.pk, 0.4)}
    assert ask(hardware, alice, "sampled") == full.submission
    assert on_boards() == {(full.pk, 0.4)}


def test_the_owner_of_a_sample_can_t_stop_the_full_run_that_another_asked_for(hardware, sampled, alice, bob):
    waiting = ask(hardware, bob).runs.get()
    services.withdraw(sampled, by=alice)
    waiting.refresh_from_db()
    assert waiting.state == "queued"
    services.withdraw(waiting.submission, by=bob)
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"


@pytest.mark.parametrize("who", ["alice", "administrator"])
def test_a_sample_does_not_follow_a_full_result_that_its_owner_withdrew(sampled, alice, bob, request, who):
    hardware = sampled.hardware
    if who == "administrator":
        services.rerun(sampled.runs.get(), by=request.getfixturevalue(who), mode="full")
    else:
        ask(hardware, alice)
    measure(sampled.runs.get(mode="full"))
    services.withdraw(sampled, by=alice)
    assert not on_boards()
    with pytest.raises(Refused, match="a sampled run cannot replace the full result that you withdrew"):
        ask(hardware, alice, "sampled")
    assert ask(hardware, bob, "sampled") == ask(hardware, alice, "sampled")


def test_a_sample_is_not_published_if_there_is_a_full_result_without_an_entry(hardware, sampled, bob, administrator):
    full = measure(ask(hardware, bob).runs.get())
    Entry.objects.all().delete()
    again = services.rerun(sampled.runs.get(), by=administrator, mode="sampled")
    assert measure(again, 0.96).state == "succeeded"
    assert on_boards() == {(full.pk, 0.4)}
    assert Run.objects.get(pk=full.pk).held_for == []


def test_a_full_result_that_its_owner_withdraws_is_not_replaced_by_the_sample(hardware, sampled, bob):
    full = measure(ask(hardware, bob).runs.get())
    services.withdraw(full.submission, by=bob)
    assert on_boards() == {(full.pk, 0.4)}
    assert {board.size for board in Board.objects.all()} == {1}


def test_a_failed_submission_that_was_run_again_takes_nobody_s_result_with_it(hardware, alice, bob, administrator):
    failed = ask(hardware, alice)
    services.fail(services.claim(failed.runs.get().pk, "worker"), "it broke")
    older = measure(ask(hardware, bob).runs.get(), 0.8)
    held = measure(services.rerun(older, by=administrator), 0.9, flags=(Flag.THROTTLED,))
    newest = measure(services.rerun(failed.runs.get(), by=administrator), 0.7)
    assert (on_boards(), held.held_for) == ({(newest.pk, 0.75)}, ["throttled"])

    services.withdraw(failed, by=alice)
    assert on_boards() == {(newest.pk, 0.75)}
    services.withdraw(older.submission, by=bob)
    assert not on_boards()


def test_what_an_administrator_took_down_comes_back_by_an_administrator_alone(hardware, sampled, bob):
    assert services.take_down(Entry.objects.all(), reason="looks wrong") == 4
    run = sampled.runs.get()
    assert run.held_for == ["taken_down_by_an_administrator"]
    full = measure(ask(hardware, bob).runs.get())
    services.withdraw(full.submission, by=bob)
    assert not on_boards()
    # Its submission stands, so the full result counts again, and a sample is never above it.
    assert services.release_hold(run) == []
    assert on_boards() == {(full.pk, 0.4)}


@pytest.fixture
def other(db):
    """Hardware that the first submission is not for."""
    return services.register_hardware(OTHER, "cpu")


@pytest.mark.parametrize("fate", ["queued", "failed", "held", "published"])
def test_a_method_keeps_the_name_that_the_first_submitter_gave_it(hardware, other, alice, bob, fate):
    first = ask(hardware, alice, recipe=make_recipe("Alice's network", **REPORTED))
    if fate == "failed":
        services.fail(services.claim(first.runs.get().pk, "worker"), "it broke")
    elif fate != "queued":
        measure(first.runs.get(), flags=(Flag.THROTTLED,) if fate == "held" else ())
    for where in (other, hardware):
        ask(where, bob, recipe=make_recipe("Bob's network", **REPORTED))
    method = services.standing_method(first.recipe.work)
    assert [claim.method.title for claim in Claim.objects.all()] == ["Bob's network"]
    assert (method.title, method.submitter) == ("Alice's network", alice)


def test_a_recipe_that_was_taken_back_is_named_by_who_submits_it_now(hardware, other, alice, bob):
    first = ask(hardware, alice, recipe=make_recipe("Alice's network", **REPORTED))
    services.withdraw(first, by=alice)
    again = ask(other, bob, recipe=make_recipe("Bob's network", **REPORTED))
    method = Method.objects.get()
    assert (method.title, method.submitter, again.recipe.method) == ("Bob's network", bob, method)
