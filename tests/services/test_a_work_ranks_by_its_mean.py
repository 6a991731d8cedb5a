"""The same work is one entry with the mean of its results: no re-roll, and no withdrawal, gives a better rank."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from leaderboard import queries, services
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Entry, Run, Submission
from leaderboard.services import Refused
from measurement.vocabulary import Flag
from tests.records import make_recipe, make_record
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


def rows():
    return [(row.entry.own_energy_j, row.entry.quality, row.entry.results) for row in board().rows]


def board():
    return queries.ranked_board(LeaderboardQuery(min_quality=0.0))


def drawn(hardware, submitter, seed, joules, quality=0.9, **changes):
    return verify(make_recipe(seed=seed, **changes), hardware, submitter, one_time_j=joules, quality=quality)[0]


def test_a_lucky_seed_ranks_as_the_mean_of_all(hardware, alice):
    for seed, joules, quality in ((0, 100.0, 0.90), (1, 60.0, 0.96), (2, 140.0, 0.90)):
        drawn(hardware, alice, seed, joules, quality)
    assert rows() == [(pytest.approx(100.0), pytest.approx(0.92), 3)]
    entry = board().rows[0].entry
    # t(2) = 4.303, s = 40 J of three
    assert entry.own_u95_j == pytest.approx(4.303 * 40 / 3**0.5, rel=1e-3)
    assert entry.phases[0]["energy_j"] == pytest.approx(100.0)


def test_the_same_seed_again_is_not_run_again_whatever_its_budget_or_writing(hardware, alice, bob):
    first = drawn(hardware, alice, 0, 100.0)
    for changes in (
        {"budget": {"time_s": 999.0}},
        {"inference": {"max_batch_size": 300}},
        {"reported": {"quality": 1.0, "evidence": "https://example.org/log"}},
        {"inference": {"scenarios": ["offline"]}},
    ):
        for submitter in (alice, bob):
            found = services.submit(make_recipe(**changes), hardware=hardware, submitter=submitter)
            assert found == (first.submission, False)
    assert Run.objects.count() == 1


def test_a_scenario_that_was_not_measured_is_another_run_of_the_same_entry(hardware, alice):
    drawn(hardware, alice, 0, 100.0, inference={"scenarios": ["offline"]})
    drawn(hardware, alice, 0, 80.0)
    found = {(entry.board.scenario, entry.own_energy_j, entry.results) for entry in queries.entries()}
    assert found == {("offline", 90.0, 2), ("single_stream", 80.0, 1)}


def test_nobody_spoils_a_mean_by_a_small_batch(hardware, alice, bob, client):
    first = drawn(hardware, alice, 0, 100.0)
    limited = drawn(hardware, bob, 1, 900.0, inference={"max_batch_size": 1})
    found = {(entry.board.scenario, entry.own_energy_j, entry.results) for entry in queries.entries()}
    assert found == {("offline", 100.0, 1), ("single_stream", 500.0, 2)}
    offline = queries.entries().filter(board__scenario="offline").first()
    answer = client.get(f"/api/v1/entries/{offline.pk}").json()
    assert {run["run"]: run["counts"] for run in answer["runs"]} == {first.pk: True, limited.pk: False}


def test_so_many_seeds_count_and_no_more_are_run(hardware, alice, bob, administrator, settings):
    settings.MAX_SEEDS = 2
    drawn(hardware, alice, 0, 100.0)
    drawn(hardware, bob, 1, 80.0)
    for submitter in (alice, bob):
        with pytest.raises(Refused, match="2 is the limit; its entry shows their mean"):
            drawn(hardware, submitter, 2, 1.0)
    other = services.register_hardware("Another CPU", "cpu")
    assert services.submit(make_recipe(seed=2), hardware=other, submitter=alice)[1]
    drawn(hardware, administrator, 3, 90.0)
    assert rows() == [(pytest.approx(90.0), 0.9, 3)]


def test_a_draw_that_was_stopped_because_it_looked_bad_is_a_draw(hardware, alice, settings):
    settings.MAX_SEEDS = 2
    seen, _ = services.submit(make_recipe(seed=1), hardware=hardware, submitter=alice)
    claim = services.claim(seen.runs.get().pk, "worker")
    services.withdraw(seen, by=alice)
    services.stop(claim, cancelled=True)
    limited, _ = services.submit(make_recipe(budget={"energy_j": 50.0}), hardware=hardware, submitter=alice)
    services.fail(services.claim(limited.runs.get().pk, "worker"), "over budget")
    with pytest.raises(Refused, match="from other seeds or budgets"):
        drawn(hardware, alice, 2, 1.0)


def test_what_a_machine_lost_or_nobody_began_is_no_draw(hardware, alice, settings):
    settings.MAX_SEEDS = 1
    failed, _ = services.submit(make_recipe(seed=1), hardware=hardware, submitter=alice)
    services.fail(services.claim(failed.runs.get().pk, "worker"), "the disk was full")
    waiting, _ = services.submit(make_recipe(seed=2), hardware=hardware, submitter=alice)
    services.withdraw(waiting, by=alice)
    assert drawn(hardware, alice, 3, 100.0).state == "succeeded"


def test_withdrawing_all_seeds_but_the_best_leaves_the_mean(hardware, alice):
    runs = [drawn(hardware, alice, seed, joules) for seed, joules in ((0, 100.0), (1, 50.0), (2, 150.0))]
    for run in (runs[0], runs[2]):
        services.withdraw(run.submission, by=alice)
    assert rows() == [(pytest.approx(100.0), pytest.approx(0.9), 3)]
    services.withdraw(runs[1].submission, by=alice)
    assert not Entry.objects.exists()

    again, created = services.submit(make_recipe(seed=1), hardware=hardware, submitter=alice)
    assert created
    record = make_record(make_recipe(seed=1), one_time_j=20.0, quality=0.9)
    assert services.record(services.claim(again.runs.get().pk, "worker"), record.model_dump_json().encode())
    assert rows() == [(pytest.approx(80.0), pytest.approx(0.9), 4)]


def test_a_full_result_that_was_withdrawn_stays_above_a_sample_of_an_accomplice(hardware, alice, bob):
    reported = {"reported": {"quality": 0.96, "evidence": "https://arxiv.org/abs/2108.13465"}}
    sampled, _ = services.submit(make_recipe(**reported), hardware=hardware, submitter=alice, mode="sampled")
    full, _ = verify(make_recipe(**reported), hardware, bob, one_time_j=100.0, quality=0.4)
    services.withdraw(full.submission, by=bob)
    sample = make_record(make_recipe(**reported), one_time_j=1.0, quality=0.96).model_copy(update={"mode": "sampled"})
    services.record(services.claim(sampled.runs.get().pk, "worker"), sample.model_dump_json().encode())
    assert rows() == [(100.0, 0.4, 1)]


def test_a_held_seed_counts_once_it_is_released_and_no_longer_once_held(hardware, alice):
    drawn(hardware, alice, 0, 100.0)
    held, _ = verify(make_recipe(seed=1), hardware, alice, one_time_j=50.0, quality=0.9, flags=(Flag.THROTTLED,))
    assert rows() == [(100.0, 0.9, 1)]
    services.release_hold(held)
    assert rows() == [(75.0, pytest.approx(0.9), 2)]
    held.refresh_from_db()
    services.hold(held, reason="looks wrong")
    assert rows() == [(100.0, 0.9, 1)]
    with pytest.raises(Refused, match="takes part in no entry"):
        services.hold(held, reason="looks wrong")


def test_every_seed_is_shown_with_whether_it_counts(hardware, alice, client):
    runs = [drawn(hardware, alice, seed, joules) for seed, joules in ((0, 100.0), (1, 50.0))]
    services.withdraw(runs[0].submission, by=alice)
    entry = board().rows[0].entry
    answer = client.get(f"/api/v1/entries/{entry.pk}").json()
    assert answer["results"] == 2
    assert answer["work"] == make_recipe().work_sha256
    shown = [(run["run"], run["seed"], run["counts"], run["withdrawn"], run["quality"]) for run in answer["runs"]]
    assert shown == [(runs[1].pk, 1, True, False, 0.9), (runs[0].pk, 0, True, True, 0.9)]
    page = client.get(entry.get_absolute_url()).content.decode()
    assert "the mean of 2 results" in page
    assert "submission withdrawn" in page
    assert "mean of 2" in client.get("/?min_quality=0").content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_results_at_once_are_both_in_the_mean(hardware, alice):
    def store(claimed):
        claim, recipe, joules = claimed
        try:
            return services.record(claim, make_record(recipe, one_time_j=joules).model_dump_json().encode())
        finally:
            connection.close()

    work = []
    for seed, joules in ((0, 100.0), (1, 50.0)):
        recipe = make_recipe(seed=seed)
        submission, _ = services.submit(recipe, hardware=hardware, submitter=alice)
        work.append((services.claim(submission.runs.get().pk, "worker"), recipe, joules))
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(store, work)) == [True, True]
    assert {(entry.own_energy_j, entry.results) for entry in Entry.objects.all()} == {(75.0, 2)}
    assert Submission.objects.count() == 2
