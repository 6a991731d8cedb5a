"""A supernet is trained once; its sub-networks are cut out as ordinary networks that compute the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.optim.swa_utils import update_bn

from measurement.errors import BadInput
from measurement.methods import TECHNIQUES, PhaseContext, PhaseOutcome, no_progress
from measurement.networks.build import build_model, count_macs, count_parameters
from measurement.networks.elastic import ElasticMobile, MobileNetwork, resized
from measurement.recipe import ElasticSpace, Recipe, SubNetwork, parse_recipe
from measurement.tracks import TRACKS
from tests.measurement.running import tiny_document

CPU = torch.device("cpu")
DIGITS = TRACKS["digits"]
SPACE: dict[str, Any] = {"resolutions": [8, 16], "depths": [1, 2], "kernels": [3, 5], "expansions": [1, 2]}
SUPERNET: dict[str, Any] = {
    "technique": "supernet",
    "phase": "search",
    "space": SPACE,
    "training": {"epochs": 6, "batch_size": 80, "schedule": "one_cycle", "optimizer": {"learning_rate": 0.01}},
    "random_per_step": 1,
    "candidates": 6,
    "population": 3,
    "tournament": 2,
}
BRIEF: dict[str, Any] = {"training": {"epochs": 1, "batch_size": 160}}
EARLY: dict[str, Any] = {"patience": 1, "validation_share": 0.5}
ELASTIC: dict[str, Any] = {"architecture": "elastic_mobile", "resolution": 16, "width": 0.5}


def recipe_of(*further: dict[str, Any], model: dict[str, Any] = ELASTIC, seed: int = 0, **changes: Any) -> Recipe:
    return parse_recipe(tiny_document(SUPERNET | changes, *further, model=model, seed=seed))


def context(recipe: Recipe) -> PhaseContext:
    torch.manual_seed(recipe.seed)
    return PhaseContext(
        spec=recipe.phases[0],
        position=0,
        recipe=recipe,
        track=DIGITS,
        model=build_model(recipe, DIGITS, CPU),
        train=DIGITS.load_train(recipe.model.resolution).part(range(400)),
        device=CPU,
        seed=recipe.seed,
        advance=no_progress,
    )


@pytest.fixture(scope="module")
def outcome() -> PhaseOutcome:
    return TECHNIQUES["supernet"].run(context(recipe_of()))


def test_a_sub_network_gives_the_same_outputs_before_and_after_it_is_cut_out() -> None:
    space = ElasticSpace(resolutions=(8, 16), depths=(1, 3), kernels=(3, 7), expansions=(2, 6))
    elastic = ElasticMobile(channels=1, classes=10)
    images = torch.randn(8, 1, 16, 16)
    update_bn([images], elastic)  # so that running statistics are not those of a new network
    elastic.eval()
    mixed = space.member(8, 1, 3, 1, 3, 3, 7, 3, 7, 2, 6, 6, 2)
    with torch.inference_mode():
        outputs = {part: elastic(images, part) for part in (space.smallest, mixed, space.largest)}
        for part, before in outputs.items():
            torch.testing.assert_close(elastic.cut_out(part)(resized(images, part.resolution)), before)
    assert not torch.allclose(outputs[mixed], outputs[space.largest], atol=1e-2)
    assert count_parameters(elastic.cut_out(space.smallest)) < count_parameters(elastic.cut_out(mixed))


@pytest.mark.parametrize("resolution", [8, 17, 32])
def test_multiply_accumulates_are_those_that_torch_counts(resolution: int) -> None:
    cut = ElasticMobile(channels=1, classes=10, width=0.5).cut_out(ElasticSpace(resolutions=(resolution,)).smallest)
    assert cut.macs(resolution) == count_macs(cut, torch.zeros(1, 1, resolution, resolution))


def test_a_cut_out_network_has_weights_of_its_own() -> None:
    elastic = ElasticMobile(channels=1, classes=10)
    part = ElasticSpace(resolutions=(16,)).smallest
    cut = elastic.cut_out(part)
    with torch.no_grad():
        cut.classifier.weight.zero_()
    assert elastic.classifier.weight.abs().sum() > 0
    assert all(parameter.requires_grad for parameter in cut.parameters())


def test_the_network_that_is_found_classifies_without_further_training(outcome: PhaseOutcome) -> None:
    assert type(outcome.model) is MobileNetwork
    assert outcome.resolution is not None
    test = DIGITS.load_test(outcome.resolution)
    with torch.inference_mode():
        right = (outcome.model(test.first(360)[0]).argmax(dim=1) == test.first(360)[1]).float().mean().item()
    assert right > 0.35  # guessing gives 0.1, and it has seen 320 images


def test_the_record_has_how_many_were_scored_and_which_was_chosen_and_why(outcome: PhaseOutcome) -> None:
    details = outcome.detail
    assert (details["trained"], details["scored"], len(details["candidates"])) == (1, 6, 6)
    best = max(details["candidates"], key=lambda candidate: candidate["score"])
    assert {name: best[name] for name in details["chosen"]} == details["chosen"]
    assert details["chosen_because"] == f"the highest score ({best['score']:.4f}) of 6 sub-networks"
    assert best["parameters"] == count_parameters(outcome.model)
    assert details["space_size"] == 2**13


def test_the_seed_fixes_the_choice_and_the_weights() -> None:
    first, again, other = (TECHNIQUES["supernet"].run(context(recipe_of(seed=seed, **BRIEF))) for seed in (1, 1, 2))
    assert again.detail == first.detail
    assert other.detail["candidates"] != first.detail["candidates"]
    for left, right in zip(again.model.state_dict().values(), first.model.state_dict().values(), strict=True):
        assert torch.equal(left, right)


@pytest.mark.parametrize("strategy", [{"strategy": "random", "population": 10, "tournament": 3}, {}])
def test_constraints_are_kept(strategy: dict[str, Any]) -> None:
    recipe = recipe_of(max_macs=250_000, **BRIEF, **strategy)
    details = TECHNIQUES["supernet"].run(context(recipe)).detail
    assert all(candidate["macs"] <= 250_000 for candidate in details["candidates"])


class _Sample:
    """A pace that does the first two steps of every loop and leaves out the others."""

    def steps(self, stage: str, count: int) -> Iterator[int]:
        yield from range(min(2, count))


def test_a_sample_goes_on_with_what_the_submitter_found() -> None:
    found = {"resolution": 8, "depths": [2, 1, 1, 2], "kernels": [3, 3, 5, 3], "expansions": [1, 2, 2, 1]}
    of_sample = replace(context(recipe_of(found=found)), pace=_Sample())
    outcome = TECHNIQUES["supernet"].run(of_sample)
    assert outcome.detail["chosen"] == found
    assert outcome.detail["scored"] == 2
    assert "candidates" not in outcome.detail, "the scores of a sample mean nothing"
    assert outcome.resolution == 8
    cut = ElasticMobile(1, 10, 0.5).cut_out(SubNetwork.model_validate_json(json.dumps(found)))
    assert count_parameters(outcome.model) == count_parameters(cut)


class _CutsTold(ElasticMobile):
    """It remembers what was cut out of it."""

    def __init__(self) -> None:
        super().__init__(channels=1, classes=10, width=0.5)
        self.cut: list[SubNetwork] = []

    def cut_out(self, part: SubNetwork) -> MobileNetwork:
        self.cut.append(part)
        return super().cut_out(part)


class _Whole:
    """A sampled run's pace if every loop is shorter than its sample."""

    def steps(self, stage: str, count: int) -> Iterator[int]:
        yield from range(count)


def test_a_sample_scores_sub_networks_that_follow_no_score() -> None:
    """The scored ones represent those left out, and the scores mean nothing."""
    found = {"resolution": 8, "depths": [2, 1, 1, 2], "kernels": [3, 3, 5, 3], "expansions": [1, 2, 2, 1]}
    drawn = []
    for strategy in ({"strategy": "random", "population": 10, "tournament": 3}, {"strategy": "evolution"}):
        elastic = _CutsTold()
        recipe = recipe_of(found=found, **BRIEF, **strategy)
        TECHNIQUES["supernet"].run(replace(context(recipe), pace=_Whole(), model=elastic))
        drawn.append(elastic.cut)
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 6 + 1


@pytest.mark.parametrize(("later", "images"), [({}, 320), ({"early_stopping": EARLY}, 200)], ids=["none", "half"])
def test_the_elastic_network_is_not_trained_on_what_a_later_phase_validates_on(
    later: dict[str, Any], images: int
) -> None:
    finetune = {"technique": "supervised", "phase": "finetune", "epochs": 2} | later
    steps: dict[str, int] = {}

    class Counting(_Sample):
        def steps(self, stage: str, count: int) -> Iterator[int]:
            steps[stage] = count
            yield from super().steps(stage, count)

    found = {"resolution": 8, "depths": [2, 1, 1, 2], "kernels": [3, 3, 5, 3], "expansions": [1, 2, 2, 1]}
    recipe = recipe_of(finetune, found=found, training={"epochs": 1, "batch_size": 2})
    TECHNIQUES["supernet"].run(replace(context(recipe), pace=Counting()))
    assert steps["elastic network"] == images / 2


def test_progress_never_goes_back_and_reaches_the_end() -> None:
    fractions: list[float] = []
    TECHNIQUES["supernet"].run(
        replace(
            context(recipe_of(**BRIEF)),
            advance=lambda fraction, detail="": fractions.append(fraction),
        )
    )
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "network that is not elastic": (
        {"model": {"architecture": "test_resnet", "resolution": 16}},
        "model.architecture",
        "elastic_mobile",
    ),
    "constraint that nothing meets": (
        {"max_parameters": 1000},
        "phases.0.max_parameters",
        "smallest sub-network has",
    ),
    "multiply-accumulates that nothing meets": ({"max_macs": 1000}, "phases.0.max_macs", "smallest sub-network has"),
    "resolution that the track does not take": (
        {"space": SPACE | {"resolutions": [16, 256]}},
        "phases.0.space.resolutions.1",
        "8 to 128",
    ),
    "depth of the elastic network": ({"model": ELASTIC | {"depth": 0.5}}, "model.depth", "leave depth at 1"),
}


@pytest.mark.parametrize("fault", sorted(REFUSED))
def test_bad_input_is_refused_before_anything_is_metered(fault: str) -> None:
    changes, field, words = REFUSED[fault]
    with pytest.raises(BadInput, match=words) as raised:
        TECHNIQUES["supernet"].rehearse(context(recipe_of(**changes)))
    assert raised.value.field == field


def test_more_sub_networks_than_meet_the_constraints_are_refused_when_none_is_left() -> None:
    few = {"space": {"resolutions": [8], "depths": [1], "kernels": [3], "expansions": [1, 2]}}
    recipe = recipe_of(max_macs=27_000, candidates=16, strategy="random", population=10, tournament=3, **few, **BRIEF)
    with pytest.raises(BadInput, match=r"only 5 sub-networks") as raised:
        TECHNIQUES["supernet"].run(context(recipe))
    assert raised.value.field == "phases.0.candidates"
