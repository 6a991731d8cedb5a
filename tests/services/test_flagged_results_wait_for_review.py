"""Flagged results, and results with a submitter's own figures, are published after a review."""

import pytest

from leaderboard import services
from leaderboard.models import Entry, PhaseEnergy
from measurement.record import Quality
from measurement.vocabulary import Flag
from tests.records import make_recipe, make_record
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "flag", [Flag.FOREIGN_PROCESS, Flag.THROTTLED, Flag.COUNTER_DISAGREES, Flag.ABOVE_POWER_LIMIT]
)
def test_a_flagged_result_is_held_for_review_and_can_be_released(hardware, flag):
    run, _ = verify(make_recipe(), hardware, flags=(flag,))
    assert (run.state, run.held_for) == ("succeeded", [str(flag)])
    assert not Entry.objects.exists()
    assert PhaseEnergy.objects.exists()

    assert len(services.release_hold(run)) == 4
    with pytest.raises(services.Refused, match="not held for review"):
        services.release_hold(run)


def pretrained(energy_j, seed=0):
    evidence = {"energy_j": energy_j, "scope": "accelerator", "evidence": "https://arxiv.org/abs/2108.13465"}
    declared = {"phase": "pretrain", "technique": "declared"} | (evidence if energy_j else {})
    return make_recipe(phases=[declared, {"phase": "train", "technique": "supervised", "epochs": 1}], seed=seed)


# One look at each of 1,437 training images at 0.01 J takes 14.37 J.
@pytest.mark.parametrize(
    ("energy_j", "submitter", "held_for"),
    [
        (1.0, "alice", ["reported_energy_too_low"]),
        (14.3, "alice", ["reported_energy_too_low"]),
        (14.4, "alice", []),
        (None, "alice", []),
        (1.0, "administrator", []),
    ],
)
def test_a_reported_figure_too_low_to_be_true_waits_for_a_person(hardware, request, energy_j, submitter, held_for):
    run, _ = verify(pretrained(energy_j), hardware, submitter=request.getfixturevalue(submitter), per_image_j=0.01)
    assert (run.state, run.held_for) == ("succeeded", held_for)
    assert Entry.objects.count() == (0 if held_for else 4)


def test_a_reported_figure_that_was_released_is_not_held_again(hardware, alice, administrator):
    recipe = pretrained(1.0)
    run, _ = verify(recipe, hardware, submitter=alice)
    assert len(services.release_hold(run)) == 4
    again = services.rerun(run, by=administrator)
    services.record(services.claim(again.pk, "worker"), make_record(recipe).model_dump_json().encode())
    assert {entry.run_id for entry in Entry.objects.all()} == {again.pk}


def test_a_reported_figure_accepted_on_one_hardware_is_reviewed_on_the_next(hardware, alice):
    recipe = pretrained(15.0)
    other = services.register_hardware("Another CPU", "cpu")
    run, _ = verify(recipe, other, submitter=alice, per_image_j=0.01)
    assert run.held_for == []
    run, _ = verify(recipe, hardware, submitter=alice, per_image_j=1.0)
    assert run.held_for == ["reported_energy_too_low"]


WEIGHED = make_recipe(
    reported={"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465", "weights_sha256": "a" * 64}
)


def weigh(run, sha256="a" * 64):
    """Store a sample whose quality is that of the submitter's weights."""
    found = Quality(metric="top1", value=0.97, provenance="evaluated", images=360, finished_weights_sha256=sha256)
    record = make_record(WEIGHED).model_copy(update={"mode": "sampled", "quality": found})
    assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
    run.refresh_from_db()
    return run.held_for


@pytest.mark.parametrize(
    ("submitter", "sha256", "held_for"),
    [("alice", "a" * 64, ["submitters_weights"]), ("administrator", "a" * 64, []), ("alice", None, [])],
)
def test_a_quality_of_the_submitter_s_weights_waits_for_a_person(hardware, request, submitter, sha256, held_for):
    person = request.getfixturevalue(submitter)
    submission, _ = services.submit(WEIGHED, hardware=hardware, submitter=person, mode="sampled")
    assert weigh(submission.runs.get(), sha256) == held_for
    assert Entry.objects.count() == (0 if held_for else 4)


def test_weights_are_reviewed_until_a_sample_with_them_is_released(hardware, alice, bob, administrator):
    sampled, _ = services.submit(WEIGHED, hardware=hardware, submitter=alice, mode="sampled")
    first = sampled.runs.get()
    assert weigh(first) == ["submitters_weights"]
    again = services.rerun(first, by=administrator)
    assert weigh(again) == ["submitters_weights"]
    assert not Entry.objects.exists()

    assert len(services.release_hold(first)) == 4
    again = services.rerun(first, by=administrator)
    assert weigh(again) == []
    assert {entry.run_id for entry in Entry.objects.all()} == {again.pk}
    # A full result vouches for what the recipe trains, and replaces the sample's.
    full, _ = verify(WEIGHED, hardware, submitter=bob, quality=0.4)
    assert {(entry.run_id, entry.submitters_weights) for entry in Entry.objects.all()} == {(full.pk, False)}


STORE = {"phase": "pretrain", "technique": "pretrained", "source": "store"}
TAUGHT = {"phase": "train", "technique": "distillation", "epochs": 1, "teacher": {"architecture": "resnet18"}}


def from_store(sha256, **changes):
    finetune = {"phase": "finetune", "technique": "supervised", "epochs": 1, "optimizer": {"learning_rate": 1e-6}}
    return make_recipe(phases=[STORE | {"sha256": sha256}, finetune], **changes)


def taught(sha256):
    teacher = TAUGHT["teacher"] | {"weights": sha256}
    return make_recipe(phases=[{"phase": "pretrain", "technique": "declared"}, TAUGHT | {"teacher": teacher}])


@pytest.mark.parametrize("recipe", [from_store("a" * 64), taught("a" * 64)], ids=["to start from", "to learn from"])
def test_weights_that_a_submitter_brought_mark_a_full_result_and_wait_the_first_time(hardware, alice, recipe):
    run, _ = verify(recipe, hardware, submitter=alice, quality=1.0)
    assert run.held_for == ["submitters_weights"]
    assert not Entry.objects.exists()
    services.release_hold(run)
    assert {entry.submitters_weights for entry in Entry.objects.all()} == {True}


def test_weights_are_let_pass_for_one_work_and_no_other_weights(hardware, alice, bob):
    run, _ = verify(from_store("a" * 64), hardware, submitter=alice)
    services.release_hold(run)
    assert verify(from_store("a" * 64, seed=1), hardware, submitter=bob)[0].held_for == []
    assert verify(from_store("b" * 64), hardware, submitter=alice)[0].held_for == ["submitters_weights"]
    other = services.register_hardware("Another CPU", "cpu")
    assert verify(from_store("a" * 64), other, submitter=alice)[0].held_for == []


def test_a_result_that_knows_the_public_test_images_is_held_whoever_sent_it(hardware, administrator):
    run, _ = verify(make_recipe(), hardware, submitter=administrator, flags=(Flag.HIDDEN_SPLIT_DISAGREES,))
    assert run.held_for == ["hidden_split_disagrees"]
    assert not Entry.objects.exists()


def test_a_flag_that_holds_nothing_is_published(hardware):
    verify(make_recipe(), hardware, flags=(Flag.NO_REPEATS,))
    assert Entry.objects.count() == 4
