"""A new version has the place of the one before while its own result is published; nobody else's line is touched."""

import pytest

from leaderboard import queries, services
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Board, Claim, Delivery, Entry, LogLine, Run, Submission
from leaderboard.services.superseding import supersede
from measurement.recipe import parse_recipe
from measurement.record import Quality
from measurement.vocabulary import Flag
from tests.records import make_recipe, make_record

pytestmark = pytest.mark.django_db
PAPER = "https://arxiv.org/abs/2108.13465"


def submit(recipe, hardware, person, before=None, mode="full"):
    number = before.pk if before is not None else None
    submission, _ = services.submit(recipe, hardware=hardware, submitter=person, version_of=number, mode=mode)
    return submission


def finish(submission, **figures):
    run = submission.runs.order_by("-pk").first()
    record = make_record(submission_recipe(submission), hardware=run.hardware.name, **figures)
    if run.mode == "sampled":
        said = Quality(metric="top1", value=0.96, provenance="reported", evidence=PAPER)
        record = record.model_copy(update={"mode": "sampled", "quality": said})
    assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
    return submission


def submission_recipe(submission):
    return parse_recipe(submission.recipe.document)


def version(number, **changes):
    return make_recipe(f"Version {number}", epochs=number, **changes)


def ranked(**asked):
    rows = queries.ranked_board(LeaderboardQuery(min_quality=0.0, **asked)).rows
    return [row.entry.method.title for row in rows]


@pytest.fixture
def first(hardware, alice):
    return finish(submit(version(1), hardware, alice))


def entry_of(submission):
    return Entry.objects.get(work=submission.recipe.work, board__scenario="offline", board__scope="accelerator")


def test_only_its_own_published_result_supersedes(hardware, first, alice):
    second = submit(version(2), hardware, alice, first)
    assert ranked() == ["Version 1"]
    finish(second, flags=(Flag.THROTTLED,))
    assert ranked() == ["Version 1"]
    services.release_hold(second.runs.get())
    assert ranked() == ["Version 2"]
    assert {board.size for board in Board.objects.all()} == {1}
    old = entry_of(first)
    assert old.superseded_by == entry_of(second)
    assert LogLine.objects.get(object_id=second.pk, action="submit").details["version_of"] == str(first.pk)


@pytest.mark.parametrize("goes_by", ["withdrawing", "taking down", "holding", "a ban"])
def test_a_new_version_that_goes_brings_the_older_one_back(hardware, first, alice, administrator, goes_by):
    second = finish(submit(version(2), hardware, alice, first))
    numbers = set(Entry.objects.filter(work=first.recipe.work).values_list("pk", flat=True))
    if goes_by == "withdrawing":
        services.withdraw(second, by=alice)
    elif goes_by == "taking down":
        services.take_down(Entry.objects.filter(work=second.recipe.work), by=administrator, reason="wrong")
    elif goes_by == "holding":
        services.hold(second.runs.get(), by=administrator, reason="wrong")
    else:
        services.ban(alice, by=administrator, reason="spam", with_entries=True)
        assert not Entry.objects.exists()
        return
    assert ranked() == ["Version 1"]
    assert set(Entry.objects.values_list("pk", "superseded_by")) == {(number, None) for number in numbers}
    if goes_by == "withdrawing":
        services.restore(second, by=alice)
    else:
        services.release_hold(Run.objects.get(submission=second))
    assert ranked() == ["Version 2"]


def test_a_chain_shows_its_last_published_version(hardware, first, alice):
    second = finish(submit(version(2), hardware, alice, first))
    third = finish(submit(version(3), hardware, alice, second))
    assert ranked() == ["Version 3"]
    services.withdraw(second, by=alice)
    assert ranked() == ["Version 3"]
    assert entry_of(first).superseded_by == entry_of(third)
    services.withdraw(third, by=alice)
    assert ranked() == ["Version 1"]
    services.restore(second, by=alice)
    assert ranked() == ["Version 2"]
    assert set(Submission.objects.values_list("first_version", flat=True)) == {None, first.pk}


def test_a_version_of_a_withdrawn_entry_supersedes_it_once_it_is_back(hardware, first, alice):
    services.withdraw(first, by=alice)
    finish(submit(version(2), hardware, alice, first))
    assert ranked() == ["Version 2"]
    services.restore(first, by=alice)
    assert ranked() == ["Version 2"]
    assert entry_of(first).superseded_by is not None


def test_another_hardware_has_its_own_board(hardware, first, alice):
    other = services.register_hardware("Another CPU", "cpu")
    finish(submit(version(2), other, alice, first))
    assert ranked(hardware=hardware.slug) == ["Version 1"]
    finish(submit(version(1), other, alice))
    assert ranked(hardware=other.slug) == ["Version 2"]


def test_nobody_supersedes_what_others_have_results_of(hardware, first, alice, bob):
    finish(submit(version(1, seed=7), hardware, bob))
    finish(submit(version(2), hardware, alice, first))
    assert sorted(ranked()) == ["Version 1", "Version 2"]


def test_another_s_result_that_comes_later_brings_the_line_back(hardware, first, alice, bob):
    finish(submit(version(2), hardware, alice, first))
    finish(submit(version(1, seed=7), hardware, bob))
    assert sorted(ranked()) == ["Version 1", "Version 2"]


def test_a_squatter_hides_no_line_that_another_claims(hardware, first, alice, bob, administrator):
    finish(submit(version(2), hardware, alice, first))
    mine = make_recipe("Bob's network", epochs=1)
    assert submit(mine, hardware, bob) == first  # found, and his names are a claim
    assert sorted(ranked()) == ["Version 1", "Version 2"]
    services.decide(Claim.objects.get(), accept=True, by=administrator)
    assert sorted(ranked()) == ["Bob's network", "Version 2"]


def test_a_refused_claim_keeps_nothing_on_the_board(hardware, first, alice, bob, administrator):
    finish(submit(version(2), hardware, alice, first))
    submit(make_recipe("Bob's network", epochs=1), hardware, bob)
    services.decide(Claim.objects.get(), accept=False, by=administrator)
    assert ranked() == ["Version 2"]


def test_a_sample_supersedes_no_full_result(hardware, first, alice):
    reported = {"reported": {"quality": 0.96, "evidence": PAPER}}
    sample = finish(submit(version(2, **reported), hardware, alice, first, mode="sampled"))
    assert sorted(ranked()) == ["Version 1", "Version 2"]
    finish(submit(version(2, **reported), hardware, alice))
    assert ranked() == ["Version 2"]
    assert Run.objects.filter(submission=sample).count() == 2


def test_an_earlier_submission_can_be_marked_later(hardware, first, alice):
    second = finish(submit(version(2), hardware, alice))
    assert sorted(ranked()) == ["Version 1", "Version 2"]
    third = finish(submit(version(3), hardware, alice, second))
    assert submit(version(2), hardware, alice, first) == second
    assert ranked() == ["Version 3"]
    assert Submission.objects.get(pk=third.pk).first_version == first


def test_a_failed_run_is_asked_for_again_as_a_version(hardware, alice):
    failed = submit(version(1), hardware, alice)
    services.fail(services.claim(failed.runs.get().pk, "worker"), "it broke")
    again = submit(version(1), hardware, alice, failed)
    assert (again.version_of, again == failed) == (failed, False)
    finish(again)
    assert ranked() == ["Version 1"]


@pytest.mark.parametrize("case", ["another's", "unknown", "the same recipe", "another seed", "back", "an older one"])
def test_what_is_no_version_is_refused_and_changes_nothing(hardware, first, alice, bob, case):
    second = finish(submit(version(2), hardware, alice, first))
    made, words = {
        "another's": (lambda: submit(version(3), hardware, bob, first), "no submission of yours"),
        "unknown": (lambda: submit(version(3), hardware, alice, Submission()), "no submission of yours"),
        "the same recipe": (lambda: submit(version(1), hardware, alice, first), "this very recipe"),
        "another seed": (lambda: submit(version(1, seed=3), hardware, alice, first), "another seed or budget"),
        "back": (lambda: submit(version(1, seed=3), hardware, alice, second), "a later version of this very work"),
        "an older one": (lambda: submit(version(1), hardware, alice, second), "a later version of this very work"),
    }[case]
    before = Submission.objects.count(), Run.objects.count(), LogLine.objects.count()
    with pytest.raises(services.Refused, match=words) as refused:
        made()
    assert refused.value.field == "version_of"
    assert (Submission.objects.count(), Run.objects.count(), LogLine.objects.count()) == before


def test_a_work_that_another_had_verified_is_no_version_of_mine(hardware, first, alice, bob):
    finish(submit(version(2), hardware, bob))
    with pytest.raises(services.Refused, match="verified for somebody else"):
        submit(version(2), hardware, alice, first)


def test_a_board_is_read_in_as_many_queries_whatever_the_number_of_versions(
    hardware, first, alice, django_assert_num_queries
):
    boards = list(Board.objects.values_list("pk", flat=True))
    last = finish(submit(version(2), hardware, alice, first))
    for number in (3, 4, 5):
        last = finish(submit(version(number), hardware, alice, last))
    with django_assert_num_queries(6):
        supersede(boards)


def test_the_submitter_is_notified_once(hardware, first, alice):
    second = finish(submit(version(2), hardware, alice, first))
    services.withdraw(second, by=alice)
    services.restore(second, by=alice)
    kinds = list(Delivery.objects.filter(user=alice).values_list("kind", flat=True))
    assert kinds.count("superseded") == 1
