"""What once took rank 1 for nothing: an untrained network, a made-up quality, a claimed family, a cheap search."""

from __future__ import annotations

import pytest

from leaderboard import queries, services
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Entry, Run, Submission
from leaderboard.services.evidence import is_of_known_kind
from measurement.record import Quality
from tests.factories import BoardFactory, EntryFactory
from tests.records import make_recipe, make_record
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db
PAPER = "https://arxiv.org/abs/2108.13465"
TRAIN = {"phase": "train", "technique": "supervised", "epochs": 1}
IMAGES = 1437  # of the digits' training part


def ranked(**asked):
    return [row.entry.method.title for row in queries.ranked_board(LeaderboardQuery(**asked)).rows if row.place.rank]


def test_an_untrained_network_is_published_below_the_floor_and_ranked_only_on_request(hardware, alice):
    run, _ = verify(make_recipe("Untrained"), hardware, alice, one_time_j=0.001, per_image_j=1e-6, quality=0.15)
    assert (run.state, run.held_for) == ("succeeded", [])
    assert Entry.objects.count() == 4  # kept, with its figures
    verify(make_recipe("Trained", epochs=2), hardware, alice, quality=0.96)
    assert ranked() == ["Trained"]
    assert queries.ranked_board(LeaderboardQuery()).below_floor == 1
    assert ranked(min_quality=0.0) == ["Untrained", "Trained"]
    assert ranked(min_quality=0.97) == []
    assert [row.entry.method.title for row in queries.ranked_board(LeaderboardQuery()).champion_rows.values()] == [
        "Trained"
    ]


def reporting(quality, evidence=PAPER, **changes):
    return make_recipe(reported={"quality": quality, "evidence": evidence}, **changes)


def sample(recipe, hardware, submitter):
    """A sampled run of the recipe, whose record has the reported quality."""
    submission, _ = services.submit(recipe, hardware=hardware, submitter=submitter, mode="sampled")
    run = submission.runs.get()
    said = Quality(metric="top1", value=recipe.reported.quality, provenance="reported", evidence=PAPER)
    record = make_record(recipe).model_copy(update={"mode": "sampled", "quality": said})
    assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
    run.refresh_from_db()
    return run


@pytest.mark.parametrize(
    "evidence",
    [
        "https://example.org/log",
        "https://github.com/somebody/their-own-log",
        "https://arxiv.org.example.org/abs/2108.13465",
        "https://arxiv.org/abs/2113.13465",
        "https://doi.org/",
    ],
)
def test_a_made_up_quality_needs_evidence_of_a_known_kind(hardware, alice, administrator, evidence):
    recipe = reporting(0.96, evidence)
    with pytest.raises(services.Refused, match="an arXiv identifier") as refused:
        services.submit(recipe, hardware=hardware, submitter=alice, mode="sampled")
    assert refused.value.field == "reported.evidence"
    assert not Submission.objects.exists()
    full, _ = verify(recipe, hardware, alice)  # its quality is evaluated
    with pytest.raises(services.Refused, match="an arXiv identifier"):
        services.rerun(full, by=administrator, mode="sampled")
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("known", "quality", "is_held"),
    [
        ([], 0.96, False),  # an empty track is compared with its floor of 0.95
        ([], 1.0, True),
        ([{"quality": 0.985}], 1.0, False),
        ([{"quality": 0.97}], 0.989, False),
        ([{"quality": 0.97}], 0.991, True),
        ([{"quality": 1.0, "quality_provenance": "reported"}], 1.0, True),  # a claim vouches for no other
        ([{"quality": 1.0, "submitters_weights": True}], 1.0, True),
        ([{"quality": 1.0, "board__track": "cifar10"}], 1.0, True),
    ],
)
def test_a_reported_quality_well_above_all_others_waits_for_a_person(hardware, alice, known, quality, is_held):
    for entry in known:
        EntryFactory(**{"board": BoardFactory(track=entry.pop("board__track", "digits"))} | entry)
    run = sample(reporting(quality), hardware, alice)
    assert run.held_for == (["reported_quality_too_high"] if is_held else [])
    assert Entry.objects.filter(run=run).exists() is not is_held


def test_a_reported_quality_is_reviewed_once_and_never_of_administrators(hardware, alice, administrator):
    run = sample(reporting(1.0), hardware, alice)
    assert len(services.release_hold(run)) == 4
    again = services.rerun(run, by=administrator)
    said = Quality(metric="top1", value=1.0, provenance="reported", evidence=PAPER)
    record = make_record(reporting(1.0)).model_copy(update={"mode": "sampled", "quality": said})
    services.record(services.claim(again.pk, "worker"), record.model_dump_json().encode())
    assert set(Entry.objects.values_list("run", flat=True)) == {again.pk}
    assert sample(reporting(1.0, epochs=2), hardware, administrator).held_for == []


def test_a_reported_quality_is_left_out_of_the_evaluated_ones(hardware, alice):
    sample(reporting(0.96), hardware, alice)
    verify(make_recipe("Evaluated", epochs=2), hardware, alice)
    assert ranked(quality_by=("evaluated",)) == ["Evaluated"]
    assert ranked(quality_by=("reported",)) == ["Plain training"]
    assert len(ranked()) == 2


@pytest.mark.parametrize("claimed", ["pruning", "nas", "quantization", "transfer", "dynamic"])
def test_a_family_that_the_phases_contradict_is_refused(hardware, alice, claimed):
    recipe = make_recipe(method={"title": "Plain training", "family": claimed})
    with pytest.raises(services.Refused, match="'compact' or 'efficient_training'") as refused:
        services.submit(recipe, hardware=hardware, submitter=alice)
    assert refused.value.field == "method.family"
    assert not Submission.objects.exists()


def declaring(phase, energy_j, evidence=PAPER, **more):
    declared = {"phase": phase, "technique": "declared", "energy_j": energy_j, "evidence": evidence} | more
    return make_recipe(phases=[declared, TRAIN])


@pytest.mark.parametrize(
    ("recipe", "held_for"),
    [
        (declaring("pretrain", 1.01 * IMAGES), []),
        (declaring("pretrain", 0.99 * IMAGES), ["reported_energy_too_low"]),
        (declaring("pretrain", 1e6, "https://example.org/mine"), ["evidence_of_unknown_kind"]),
        # A search has looked at 30 networks at least, and at more in a larger space.
        (declaring("search", 1.01 * IMAGES), ["reported_energy_too_low"]),
        (declaring("search", 29.9 * IMAGES, space=2), ["reported_energy_too_low"]),
        (declaring("search", 30.1 * IMAGES), []),
        (declaring("search", 30.1 * IMAGES, space=10**19), ["reported_energy_too_low"]),
        (declaring("search", 64.1 * IMAGES, space=10**19), []),
        (declaring("search", 1e6, "https://example.org/mine"), ["evidence_of_unknown_kind"]),
        (
            declaring("search", 1.0, "https://example.org/mine"),
            ["evidence_of_unknown_kind", "reported_energy_too_low"],
        ),
    ],
)
def test_a_declared_search_just_above_the_threshold_waits_for_a_person(hardware, alice, recipe, held_for):
    run, _ = verify(recipe, hardware, alice, per_image_j=1.0)
    assert run.held_for == held_for
    assert Entry.objects.exists() is not bool(held_for)


@pytest.mark.parametrize(
    "address",
    [
        PAPER,
        "http://arxiv.org/abs/2108.13465v2",
        "https://arxiv.org/pdf/1905.02244.pdf",
        "https://www.arxiv.org/pdf/1905.02244v5",
        "https://arxiv.org/abs/0704.0001",
        "https://arxiv.org/abs/hep-th/9711200",
        "https://arxiv.org/abs/math.GT/0309136",
        "https://doi.org/10.1145/3360307",
        "https://dx.doi.org/10.48550/arXiv.2108.13465",
        "https://github.com/pytorch/vision/tree/1f1a920d685d/references/classification",
        "https://github.com/facebookresearch/ConvNeXt/",
    ],
)
def test_evidence_of_a_known_kind(address):
    assert is_of_known_kind(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://arxiv.org/",
        "https://arxiv.org/abs/",
        "https://arxiv.org/abs/2108.134",
        "https://arxiv.org/abs/2108.00000",
        "https://arxiv.org/abs/9901.12345",  # of a month to come
        "https://arxiv.org/abs/0703.0001",  # before these numbers began
        "https://arxiv.org/abs/1412.12345",  # of five digits when there were four
        "https://arxiv.org/abs/2108.13465/../../../x",
        "https://arxiv.org/list/cs/2108",
        "https://example.org/arxiv.org/abs/2108.13465",
        "https://example.org/?https://arxiv.org/abs/2108.13465",
        "https://arxiv.org@example.org/abs/2108.13465",
        "https://doi.org/3360307",
        "https://doi.org/10.1145",
        "https://doi.org/10.1/x",
        "https://github.com/pytorch/vision",
        "https://github.com/pytorch/vision/tree/1f1a920d685d/references/classification/../../../mine",
        "https://github.com/huggingface/pytorch-image-models/issues/12345",
    ],
)
def test_evidence_of_no_known_kind(address):
    assert not is_of_known_kind(address)
