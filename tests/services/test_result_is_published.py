"""A record is stored whole or not at all, and the board points to the newest result."""

import json

import pytest
from django.db import IntegrityError, transaction

from leaderboard import queries, services
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Attempt, Board, Entry, PhaseEnergy, Run
from measurement.documents import DocumentError
from measurement.vocabulary import Flag, Source
from tests.records import make_recipe, make_record
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


def test_the_stored_phases_equal_the_record(hardware):
    run, record = verify(make_recipe(), hardware, one_time_j=123.456, per_image_j=0.0123)

    attempt = run.attempts.get()
    assert attempt.record == json.loads(record.model_dump_json())
    stored = {(row.position, row.scope): row for row in attempt.phases.all()}
    assert len(stored) == 2 * len(record.phases)
    for phase in record.phases:
        for energy in phase.energies:
            row = stored[phase.position, str(energy.scope)]
            assert row.phase == str(phase.phase)
            assert row.energy_j == energy.energy_j
            assert row.repeatability_u95_j == energy.repeatability_u95_j
            assert row.energy_per_image_j == energy.energy_per_image_j
            assert row.provenance == str(energy.provenance)


def test_evaluation_is_metered_but_never_charged(hardware):
    verify(make_recipe(), hardware, one_time_j=100.0)
    for entry in Entry.objects.all():
        assert (entry.shared_energy_j, entry.own_energy_j) == (0.0, 100.0)


def test_each_scenario_and_scope_is_an_entry_of_its_own_board(hardware):
    verify(make_recipe(), hardware)
    assert {(board.scenario, board.scope) for board in Board.objects.all()} == {
        (scenario, scope) for scenario in ("single_stream", "offline") for scope in ("accelerator", "system")
    }
    assert Entry.objects.count() == 4


def test_a_rerun_leaves_the_old_result_ranked_until_the_new_one_is_in(hardware, administrator):
    recipe = make_recipe()
    run, _ = verify(recipe, hardware, one_time_j=100.0)
    before = queries.ranked_board(LeaderboardQuery())

    second = services.rerun(run, by=administrator)
    claim = services.claim(second.pk, "worker")

    during = queries.ranked_board(LeaderboardQuery())
    assert [row.entry.run_id for row in during.rows] == [run.pk]
    assert during.revision == before.revision

    services.record(claim, make_record(recipe, one_time_j=90.0).model_dump_json().encode())
    after = queries.ranked_board(LeaderboardQuery())
    assert [(row.entry.run_id, row.entry.own_energy_j, row.entry.results) for row in after.rows] == [
        (second.pk, 95.0, 2)
    ]
    assert after.revision > before.revision
    assert [row.entry.pk for row in after.rows] == [row.entry.pk for row in before.rows]
    assert Attempt.objects.exclude(record=None).count() == 2


def test_a_sample_never_takes_the_place_of_a_full_run(hardware, administrator):
    reported = {"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"}
    full, _ = verify(make_recipe(reported=reported), hardware, one_time_j=100.0)
    again = services.rerun(full, by=administrator)
    Run.objects.filter(pk=again.pk).update(mode="sampled")
    claim, sample = services.claim(again.pk, "worker"), make_record(make_recipe(reported=reported), one_time_j=90.0)
    with pytest.raises(ValueError, match=r"a full run, but run .* is sampled"):
        services.record(claim, sample.model_dump_json().encode())
    services.record(claim, sample.model_copy(update={"mode": "sampled"}).model_dump_json().encode())
    assert {entry.run_id for entry in Entry.objects.all()} == {full.pk}
    assert Run.objects.get(pk=again.pk).state == "succeeded"


def test_a_full_run_takes_the_place_of_a_sample(hardware, administrator):
    recipe = make_recipe(reported={"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"})
    sample = make_record(recipe, one_time_j=90.0).model_copy(update={"mode": "sampled"})

    def verified(run, record):
        assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
        return {(entry.run_id, entry.own_energy_j) for entry in Entry.objects.all()}

    submission, _ = services.submit(recipe, hardware=hardware, submitter=None, mode="sampled")
    sampled = submission.runs.get()
    assert verified(sampled, sample) == {(sampled.pk, 90.0)}
    services.submit(recipe, hardware=hardware, submitter=None)
    full = submission.runs.get(mode="full")
    assert verified(full, make_record(recipe, flags=(Flag.THROTTLED,))) == {(sampled.pk, 90.0)}

    again = services.rerun(sampled, by=administrator)
    assert again.mode == "sampled"
    assert verified(again, sample) == {(again.pk, 90.0)}
    Run.objects.filter(pk=sampled.pk).update(held_for=["throttled"])
    services.release_hold(Run.objects.get(pk=full.pk))
    assert {(entry.run_id, entry.own_energy_j) for entry in Entry.objects.all()} == {(full.pk, 100.0)}

    assert services.release_hold(Run.objects.get(pk=sampled.pk)) == []
    assert Run.objects.get(pk=sampled.pk).held_for == []
    assert {entry.run_id for entry in Entry.objects.all()} == {full.pk}


def test_a_rerun_is_refused_while_one_is_waiting(hardware, administrator):
    run, _ = verify(make_recipe(), hardware)
    services.rerun(run, by=administrator)
    with pytest.raises(services.Refused, match="already queued"):
        services.rerun(run, by=administrator)


def test_a_failed_rerun_leaves_the_old_result_ranked(hardware, administrator):
    run, _ = verify(make_recipe(), hardware)
    second = services.rerun(run, by=administrator)
    services.fail(services.claim(second.pk, "worker"), "it broke")
    assert [row.entry.run_id for row in queries.ranked_board(LeaderboardQuery()).rows] == [run.pk]


def test_a_missing_phase_makes_the_total_a_lower_bound_and_unranked(hardware):
    phases = [
        {"phase": "pretrain", "technique": "declared"},
        {"phase": "train", "technique": "supervised", "epochs": 1},
    ]
    verify(make_recipe(phases=phases), hardware, one_time_j=50.0)

    entry = Entry.objects.first()
    assert (entry.complete, entry.provenance, entry.shared_energy_j) == (False, "missing", 0.0)
    row = queries.ranked_board(LeaderboardQuery()).rows[0]
    assert row.place.rank is None
    asked_for = queries.ranked_board(LeaderboardQuery(include_incomplete=True)).rows[0]
    assert asked_for.place.rank == 1


def test_a_reported_phase_counts_in_its_own_scope_alone(hardware):
    evidence = "https://arxiv.org/abs/2108.13465"
    phases = [
        {"phase": "pretrain", "technique": "declared", "energy_j": 1000.0, "scope": "system", "evidence": evidence},
        {"phase": "train", "technique": "supervised", "epochs": 1},
    ]
    verify(make_recipe(phases=phases), hardware)
    by_scope = {entry.board.scope: entry for entry in queries.entries()}
    assert (by_scope["system"].complete, by_scope["system"].shared_energy_j) == (True, 1000.0)
    assert by_scope["accelerator"].complete is False


def test_metered_joules_are_stored_apart_from_estimated_ones(hardware):
    verify(make_recipe(epochs=2), hardware, source=Source.RAPL)
    verify(make_recipe(epochs=3), hardware, source=Source.CPU_ESTIMATE)
    shares = {row.entry.provenance: row.metered_share for row in queries.ranked_board(LeaderboardQuery()).rows}
    assert shares == {"metered": pytest.approx(1.0), "estimated": 0.0}


def test_a_record_of_another_recipe_changes_nothing(hardware):
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=None)
    run = submission.runs.get()
    claim = services.claim(run.pk, "worker")
    with pytest.raises(ValueError, match="of recipe"):
        services.record(claim, make_record(make_recipe(epochs=8)).model_dump_json().encode())
    with pytest.raises(ValueError, match=r"but run .* is for "):
        services.record(claim, make_record(make_recipe(), hardware="another").model_dump_json().encode())
    with pytest.raises(DocumentError):
        services.record(claim, b'{"record_version": 1}')
    run.refresh_from_db()
    assert run.state == "running"
    assert not PhaseEnergy.objects.exists()


def test_the_database_itself_refuses_a_dishonest_figure(hardware):
    run, _ = verify(make_recipe(), hardware)
    figures = {"attempt": run.attempts.get(), "phase": "train", "technique": "x", "scope": "system"}
    dishonest = [
        {"provenance": "metered", "contains_estimate": True, "energy_j": 1.0},
        {"provenance": "extrapolated", "contains_estimate": True, "energy_j": 1.0},
        {"provenance": "missing", "contains_estimate": False, "energy_j": 0.0},
        {"provenance": "metered", "contains_estimate": False, "energy_j": None},
        {"provenance": "estimated", "contains_estimate": True, "energy_j": -1.0},
    ]
    for position, fields in enumerate(dishonest, start=50):
        with pytest.raises(IntegrityError), transaction.atomic():
            PhaseEnergy.objects.create(position=position, **figures, **fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        PhaseEnergy.objects.create(
            position=0, **figures, provenance="estimated", contains_estimate=True, energy_j=1.0
        )


def test_ranking_takes_two_queries_after_a_change_and_then_one(hardware, django_assert_num_queries):
    for seed in range(5):
        verify(make_recipe(epochs=seed + 1), hardware)
    for number in (2, 1):
        with django_assert_num_queries(number):
            assert len(queries.ranked_board(LeaderboardQuery()).rows) == 5
