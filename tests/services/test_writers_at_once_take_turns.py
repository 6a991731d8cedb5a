"""Two people or two workers in the same moment: nobody deadlocks, and what only one may do is done once."""

import threading
import time
from functools import partial

import pytest
from django.contrib.auth import get_user_model

from leaderboard import services
from leaderboard.models import Board, Entry, Hardware, Run
from leaderboard.services import figures, publication, submissions
from measurement.vocabulary import Flag
from tests.records import CPU, make_recipe, make_record
from tests.services.together import together
from tests.waiting import HANG_S

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cpu() -> Hardware:
    return services.register_hardware(CPU, "cpu")


def claimed(recipe, hardware):
    submission, _ = services.submit(recipe, hardware=hardware, submitter=None)
    return services.claim(submission.runs.order_by("-pk").first().pk, "worker")


def recorded(recipe, hardware, **figures) -> Run:
    claim = claimed(recipe, hardware)
    assert services.record(claim, make_record(recipe, **figures).model_dump_json().encode())
    return Run.objects.get(pk=claim.run_id)


def slow_down(monkeypatch, module, name, seconds=lambda *_: 0.15) -> threading.Event:
    """Widen the gap between a look and a write. The event is set as soon as somebody is in it."""
    real, is_in_the_gap = getattr(module, name), threading.Event()

    def slow(*arguments, **named):
        if gap_s := seconds(*arguments):
            is_in_the_gap.set()
            time.sleep(gap_s)
        return real(*arguments, **named)

    monkeypatch.setattr(module, name, slow)
    return is_in_the_gap


def then(gap: threading.Event, act):
    """Act while another is in the gap."""

    def wait_and_act():
        assert gap.wait(HANG_S)
        return act()

    return wait_and_act


@pytest.mark.parametrize("boards_are_there", [True, False])
def test_results_of_recipes_that_name_their_scenarios_in_another_order(cpu, monkeypatch, boards_are_there):
    if boards_are_there:
        recorded(make_recipe(epochs=10), cpu)
    recipes = [
        make_recipe(epochs=seed + 1, inference={"scenarios": order})
        for seed, order in enumerate((["single_stream", "offline"], ["offline", "single_stream"]))
    ]
    acts = [
        partial(services.record, claimed(recipe, cpu), make_record(recipe).model_dump_json().encode())
        for recipe in recipes
    ]
    slow_down(monkeypatch, figures, "_figures")

    assert together(*acts) == [True, True]

    assert Entry.objects.count() == 4 * (2 + boards_are_there)
    assert {board.revision for board in Board.objects.all()} == {2 + boards_are_there}


def test_an_older_run_that_publishes_late_counts_with_the_newer(cpu, monkeypatch):
    recipe = make_recipe()
    older = recorded(recipe, cpu, quality=0.5, flags=(Flag.THROTTLED,))
    newer = services.claim(services.rerun(older, by=None).pk, "worker")
    result = make_record(recipe, quality=0.8).model_dump_json().encode()
    gap = slow_down(monkeypatch, figures, "_figures", lambda record, *_: 0.3 if record.quality.value == 0.5 else 0.0)

    together(
        partial(services.release_hold, Run.objects.get(pk=older.pk)),
        then(gap, partial(services.record, newer, result)),
    )

    assert {(entry.run_id, round(entry.quality, 9), entry.results) for entry in Entry.objects.all()} == {
        (newer.run_id, 0.65, 2)
    }


def test_two_administrators_re_run_once(cpu, monkeypatch):
    run = recorded(make_recipe(), cpu)
    slow_down(monkeypatch, submissions, "enqueue")

    first, second = together(*[partial(services.rerun, Run.objects.get(pk=run.pk), by=None)] * 2)

    assert sorted(type(result).__name__ for result in (first, second)) == ["Refused", "Run"]
    assert Run.objects.filter(state="queued").count() == 1


def test_two_administrators_release_once(cpu, monkeypatch):
    run = recorded(make_recipe(), cpu, flags=(Flag.THROTTLED,))
    slow_down(monkeypatch, publication, "parse_record")
    acts = [partial(services.release_hold, Run.objects.get(pk=run.pk)) for _ in range(2)]

    assert sorted(type(result).__name__ for result in together(*acts)) == ["Refused", "list"]
    assert Entry.objects.count() == 4
    assert {board.revision for board in Board.objects.all()} == {1}


def test_a_submission_withdrawn_while_it_is_released_leaves_no_entry(cpu, monkeypatch):
    run = recorded(make_recipe(), cpu, flags=(Flag.THROTTLED,))
    gap = slow_down(monkeypatch, publication, "parse_record", lambda *_: 0.3)

    together(
        partial(services.release_hold, run),
        then(gap, partial(services.withdraw, run.submission, by=None)),
    )

    assert not Entry.objects.exists()


def test_a_submission_withdrawn_while_it_is_recorded_leaves_no_entry(cpu, monkeypatch):
    claim = claimed(make_recipe(), cpu)
    submission = Run.objects.get(pk=claim.run_id).submission
    gap = slow_down(monkeypatch, figures, "_figures", lambda *_: 0.1)

    recording, withdrawing = together(
        lambda: services.record(claim, make_record(make_recipe()).model_dump_json().encode()),
        then(gap, partial(services.withdraw, submission, by=None)),
    )

    assert recording is True
    assert not isinstance(withdrawing, Exception)
    submission.refresh_from_db()
    assert submission.withdrawn_at is not None
    assert not Entry.objects.exists()


def test_of_those_who_withdraw_at_once_nobody_brings_the_other_s_result_back(cpu, monkeypatch):
    recipe = make_recipe(reported={"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"})
    people = [get_user_model().objects.create_user(name) for name in ("alice", "bob")]
    asked = []
    for mode, submitter in zip(("sampled", "full"), people, strict=True):
        submission, _ = services.submit(recipe, hardware=cpu, submitter=submitter, mode=mode)
        record = make_record(recipe).model_copy(update={"mode": mode})
        assert services.record(services.claim(submission.runs.get().pk, "worker"), record.model_dump_json().encode())
        asked.append(submission)
    gap = slow_down(monkeypatch, publication, "counted_results", lambda *_: 0.3)

    together(
        partial(services.withdraw, asked[1], by=None),
        then(gap, partial(services.withdraw, asked[0], by=None)),
    )

    assert not Entry.objects.exists()


def test_workers_that_start_at_once_find_one_hardware():
    found = together(*[partial(services.register_hardware, "NVIDIA H100 80GB HBM3", "cuda")] * 6)
    assert {hardware.pk for hardware in found} == {Hardware.objects.get().pk}


def test_names_that_shorten_to_the_same_get_a_queue_each():
    names = ["GPU (1)", "GPU 1", "GPU-1", "gpu 1!"]
    found = together(*[partial(services.register_hardware, name, "cuda") for name in names])
    assert len({hardware.queue for hardware in found}) == 4


def test_a_cancel_at_the_moment_of_a_claim_reaches_the_run(cpu):
    for seed in range(5):
        submission, _ = services.submit(make_recipe(epochs=seed + 1), hardware=cpu, submitter=None)
        run = submission.runs.get()
        claim, cancelled = together(
            partial(services.claim, run.pk, "worker"), partial(services.request_cancel, run, by=None)
        )
        assert cancelled is None
        run.refresh_from_db()
        assert (run.state, run.cancel_requested) == (("running", True) if claim else ("cancelled", False))


def test_one_of_two_equal_submissions_is_stored(cpu):
    get_user_model().objects.create_user("alice")
    results = together(*[partial(services.submit, make_recipe(), hardware=cpu, submitter=None)] * 4)
    assert sorted(created for _, created in results) == [False, False, False, True]
    assert Run.objects.count() == 1


def test_of_full_and_sampled_requests_at_once_each_mode_is_queued_once(cpu, monkeypatch):
    recipe = make_recipe(reported={"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"})
    services.submit(recipe, hardware=cpu, submitter=None, mode="sampled")
    slow_down(monkeypatch, submissions, "enqueue")
    acts = [partial(services.submit, recipe, hardware=cpu, submitter=None, mode=mode) for mode in ("full", "sampled")]
    results = together(*acts * 2)
    assert sorted(created for _, created in results) == [False, False, False, True]
    assert sorted(Run.objects.values_list("mode", flat=True)) == ["full", "sampled"]


def test_no_full_run_is_queued_for_a_submission_that_is_withdrawn_meanwhile(cpu, monkeypatch):
    recipe = make_recipe(reported={"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"})
    sampled, _ = services.submit(recipe, hardware=cpu, submitter=None, mode="sampled")
    gap = slow_down(monkeypatch, submissions, "enqueue", lambda *_: 0.3)
    together(
        partial(services.submit, recipe, hardware=cpu, submitter=None),
        then(gap, partial(services.withdraw, sampled, by=None)),
        then(gap, lambda: (time.sleep(0.05), services.rerun(sampled.runs.get(mode="sampled"), by=None))),
    )
    assert {run.state for run in sampled.runs.all()} == {"cancelled"}


def test_a_re_run_and_a_second_submission_of_a_failed_recipe_queue_one_run(cpu, monkeypatch):
    claim = claimed(make_recipe(), cpu)
    services.fail(claim, "it broke")
    slow_down(monkeypatch, submissions, "enqueue")

    together(
        partial(services.rerun, Run.objects.get(pk=claim.run_id), by=None),
        partial(services.submit, make_recipe(), hardware=cpu, submitter=None),
    )

    assert Run.objects.filter(state="queued").count() == 1
