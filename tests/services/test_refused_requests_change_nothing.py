"""Withdrawn is withdrawn, cancelled is cancelled, whatever the worker and the administrators do next."""

import json

import pytest

from leaderboard import services
from leaderboard.models import Attempt, Board, Entry, Run
from leaderboard.services import Refused, submissions
from measurement.vocabulary import Flag
from tests.records import make_recipe, make_record

pytestmark = pytest.mark.django_db


def record_text(**figures) -> bytes:
    return make_record(make_recipe(), **figures).model_dump_json().encode()


@pytest.fixture
def run(hardware, alice) -> Run:
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    return submission.runs.get()


def test_a_withdrawn_submission_is_not_run_again(run, alice, administrator):
    services.record(services.claim(run.pk, "worker"), record_text())
    services.withdraw(run.submission, by=alice)
    with pytest.raises(Refused, match="was withdrawn"):
        services.rerun(run, by=administrator)
    assert Run.objects.count() == 1


def test_a_withdrawn_submission_s_held_result_is_not_released(run, alice):
    services.record(services.claim(run.pk, "worker"), record_text(flags=(Flag.THROTTLED,)))
    run.refresh_from_db()
    services.withdraw(run.submission, by=alice)
    with pytest.raises(Refused, match="was withdrawn"):
        services.release_hold(run)
    assert not Entry.objects.exists()


def test_a_run_that_has_not_measured_yet_has_nothing_to_release(run):
    with pytest.raises(Refused, match="not held for review"):
        services.release_hold(run)


def test_a_withdrawal_is_kept_if_its_run_ends_in_the_same_moment(run, alice, monkeypatch):
    claim = services.claim(run.pk, "worker")
    cancel = submissions.cancel

    def too_late(run_id, reason):
        Run.objects.filter(pk=run_id).update(state="succeeded")
        return cancel(run_id, reason)

    monkeypatch.setattr(submissions, "cancel", too_late)
    services.withdraw(run.submission, by=alice)

    run.submission.refresh_from_db()
    assert run.submission.withdrawn_at is not None
    assert not services.record(claim, record_text())


def test_a_cancel_outlives_the_worker_s_shutdown(run, administrator):
    claim = services.claim(run.pk, "leaving")
    services.request_cancel(run, by=administrator)
    assert services.stop(claim, cancelled=False)
    run.refresh_from_db()
    assert (run.state, run.reason) == ("cancelled", "Cancelled by admin.")
    assert run.attempts.get().outcome == "cancelled"


@pytest.mark.parametrize("max_attempts", [1, 3])
def test_a_cancel_outlives_a_broken_worker(run, administrator, settings, max_attempts):
    settings.MAX_ATTEMPTS = max_attempts
    claim = services.claim(run.pk, "broken")
    services.request_cancel(run, by=administrator)
    assert services.lose(claim, "No space left on device")
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_a_machine_s_fault_gives_the_run_to_another_and_fails_it_in_the_end(run, settings):
    settings.MAX_ATTEMPTS = 2
    assert services.lose(services.claim(run.pk, "broken"), "No space left on device.")
    run.refresh_from_db()
    assert (run.state, run.notified_at) == ("queued", None)
    assert run.reason == "No space left on device; the run is queued again."

    claim = services.claim(run.pk, "broken too")
    assert services.lose(claim, "No space left on device.")
    run.refresh_from_db()
    assert (run.state, run.reason) == ("failed", "No space left on device; failed after 2 attempts.")
    assert [attempt.outcome for attempt in run.attempts.all()] == ["lost", "failed"]
    assert not services.lose(claim, "late")


def test_taking_entries_down_raises_the_revision_of_their_boards(run):
    services.record(services.claim(run.pk, "worker"), record_text())
    one = Board.objects.first()
    before = dict(Board.objects.values_list("pk", "revision"))
    assert services.take_down(Entry.objects.filter(board=one), reason="looks wrong") == 1
    after = dict(Board.objects.values_list("pk", "revision"))
    assert {pk for pk in after if after[pk] > before[pk]} == {one.pk}


def test_a_result_that_is_published_again_changes_nothing(run, administrator):
    services.record(services.claim(run.pk, "worker"), record_text())
    newer = services.rerun(run, by=administrator)
    services.record(services.claim(newer.pk, "worker"), record_text(quality=0.7))
    before = set(Board.objects.values_list("pk", "revision"))

    assert len(services.publish(run)) == 4

    assert {(entry.run_id, entry.results) for entry in Entry.objects.all()} == {(newer.pk, 2)}
    assert set(Board.objects.values_list("pk", "revision")) == before


def test_an_uncertainty_known_of_some_phases_only_is_unknown(hardware):
    declared = {
        "technique": "declared",
        "energy_j": 500.0,
        "scope": "system",
        "evidence": "https://arxiv.org/abs/2108.13465",
    }
    phases = [
        {"phase": "search", **declared},
        {"phase": "pretrain", **declared},
        {"phase": "train", "technique": "supervised", "epochs": 1},
    ]
    recipe = make_recipe(phases=phases)
    document = make_record(recipe).model_dump(mode="json")
    for energy in document["phases"][0]["energies"]:
        energy["repeatability_u95_j"] = 0.5 if energy["energy_j"] else None
    submission, _ = services.submit(recipe, hardware=hardware, submitter=None)
    claim = services.claim(submission.runs.get().pk, "worker")
    assert services.record(claim, json.dumps(document).encode())
    entry = Entry.objects.get(board__scope="system", board__scenario="offline")
    assert (entry.shared_energy_j, entry.shared_u95_j) == (1000.0, None)
    assert (entry.own_energy_j, entry.own_u95_j) == (100.0, 1.0)


def test_a_trace_is_kept_with_its_attempt_and_with_nothing_else(run, settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path / "files"
    trace = tmp_path / "trace.parquet"
    trace.write_bytes(b"watts")
    claim = services.claim(run.pk, "worker")

    def broken(*_):
        raise RuntimeError("the publication failed")

    with monkeypatch.context() as patch:
        patch.setattr("leaderboard.services.results.publish", broken)
        with pytest.raises(RuntimeError):
            services.record(claim, record_text(), trace)
    assert not [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]

    assert services.record(claim, record_text(), trace)
    assert Attempt.objects.get().trace.read() == b"watts"
