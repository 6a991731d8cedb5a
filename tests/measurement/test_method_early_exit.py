"""Early exits: images leave where a classifier is sure, and figures per image are means over the whole set."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import islice

import pytest
import torch

from measurement.documents import DocumentError
from measurement.errors import BadInput
from measurement.methods import TECHNIQUES
from measurement.networks.build import build_model, count_macs
from measurement.networks.early_exit import CountingExits, EarlyExitNetwork, segments_of
from measurement.run.inference import Inputs
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.tracks import TRACKS
from tests.measurement.running import BRIEF, FINETUNE, tiny_recipe
from tests.measurement.test_methods_train_and_prune import context

DIGITS = TRACKS["digits"]
EXITS = {"technique": "early_exit", "phase": "train", "epochs": 4, "exits": 2, "optimizer": {"learning_rate": 0.005}}


@pytest.fixture(scope="module")
def trained() -> EarlyExitNetwork:
    outcome = TECHNIQUES["early_exit"].run(context(tiny_recipe(EXITS | {"confidence": 0.6})))
    assert outcome.detail["exits"] == 3
    return outcome.model.eval()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return DIGITS.load_test(16).first(200)[0]


def leaving(network: EarlyExitNetwork, confidence: float) -> EarlyExitNetwork:
    return EarlyExitNetwork(list(network.segments), list(network.exits), confidence).eval()


def test_each_image_gets_the_outputs_of_the_exit_where_it_left(trained, images):
    with torch.inference_mode():
        every, (outputs, left_at) = trained.all_exits(images), trained.leave(images)
    assert set(left_at.tolist()) == {0, 1, 2}
    for number in range(3):
        chosen = left_at == number
        torch.testing.assert_close(outputs[chosen], every[number][chosen], rtol=1e-4, atol=1e-5)
        if number < 2:
            assert (outputs[chosen].softmax(1).amax(1) >= 0.6).all()
    assert (every[0][left_at > 0].softmax(1).amax(1) < 0.6).all()


def test_an_image_is_treated_alike_alone_and_in_a_batch(trained, images):
    with torch.inference_mode():
        together = trained.leave(images[:20])[1].tolist()
        alone = [int(trained.leave(image[None])[1]) for image in images[:20]]
    assert together == alone


def test_more_confidence_costs_more_work_and_the_last_exit_takes_all_that_is_left(trained, images):
    macs = [count_macs(leaving(trained, confidence), images) for confidence in (0.01, 0.6, 0.999999)]
    assert macs == sorted(macs)
    assert macs[0] < macs[-1]


def test_exits_are_counted_while_the_network_runs(trained, images):
    counting = CountingExits(trained)
    with torch.inference_mode():
        outputs = torch.cat([counting(part) for part in images.split(64)])
        torch.testing.assert_close(outputs, trained(images), rtol=1e-4, atol=1e-5)
        left_at = trained.leave(images)[1]
    assert counting.shares() == pytest.approx([float((left_at == number).float().mean()) for number in range(3)])
    everything = CountingExits(leaving(trained, 0.01))
    everything(images)
    assert everything.shares()[0] == 1.0


def test_the_whole_set_is_passed_so_that_each_image_weighs_alike(images):
    inputs = Inputs(images[:12], whole_passes=True)
    assert inputs.pass_length(8) == 3  # two repeats of 12 are three batches of 8
    seen = torch.cat(list(islice(inputs.batches(8), 3)))
    assert seen.shape[0] == 24
    assert torch.equal(seen[:12], seen[12:])
    assert Inputs(images[:12]).pass_length(8) == 1


def test_a_run_with_exits_has_their_shares_in_its_record(tmp_path):
    record = run_recipe(tiny_recipe(EXITS | {"epochs": 2}), tmp_path, RunOptions(device="cpu", plan=BRIEF))
    evaluation = next(phase for phase in record.phases if phase.phase == "evaluate")
    assert sum(evaluation.detail["exit_shares"]) == pytest.approx(1, abs=1e-5)
    assert all(phase.inference.images % 360 == 0 for phase in record.phases if phase.inference)


@pytest.mark.parametrize(
    ("freeze", "learning"),
    [({}, {"exits.2.classifier"}), ({"stages": 1}, {"segments.1", "segments.2", "exits.2"})],
    ids=["all but the last layers", "the first stage"],
)
def test_a_part_up_to_an_exit_is_a_stage_that_can_be_frozen(freeze, learning, trained):
    finetune = FINETUNE | {"freeze": freeze, "batch_size": 512}
    at_hand = replace(context(tiny_recipe(EXITS, finetune), 1), model=deepcopy(trained))
    TECHNIQUES["supervised"].rehearse(at_hand)
    after = TECHNIQUES["supervised"].run(at_hand).model.get_parameter
    changed = {name for name, weights in trained.named_parameters() if not torch.equal(weights, after(name))}
    assert {part for part in learning for name in changed if name.startswith(f"{part}.")} == learning
    assert all(any(name.startswith(f"{part}.") for part in learning) for name in changed)


@pytest.mark.parametrize("architecture", ["starnet_s050", "mobilenetv3_small_050", "resnet18", "regnetx_002"])
def test_networks_are_cut_after_their_stages_and_stay_whole(architecture):
    recipe = tiny_recipe(model={"architecture": architecture, "resolution": 32})
    model = build_model(recipe, DIGITS, torch.device("cpu")).eval()
    segments, features = segments_of(model), torch.zeros(1, 1, 32, 32)
    assert len(segments) >= 4
    with torch.inference_mode():
        for segment in segments:
            features = segment(features)
    assert features.ndim == 4


@pytest.mark.parametrize(
    ("changes", "phase", "field"),
    [
        ({"model": {"architecture": "test_vit", "resolution": 32}}, {}, "phases.0.technique"),
        ({}, {"exits": 10}, "phases.0.exits"),
    ],
)
def test_what_has_no_such_stages_is_refused(changes, phase, field):
    with pytest.raises(BadInput) as raised:
        TECHNIQUES["early_exit"].rehearse(context(tiny_recipe(EXITS | phase, **changes)))
    assert raised.value.field == field


def test_several_ways_are_not_compiled_into_one():
    with pytest.raises(DocumentError, match="leave compile out"):
        tiny_recipe(EXITS | {"compile": True})
