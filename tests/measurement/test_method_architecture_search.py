"""A search trains candidates of a declared space, chooses the best by images held back, and records all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from measurement.documents import DocumentError
from measurement.errors import BadInput, MeasurementError
from measurement.methods import TECHNIQUES, PhaseContext, PhaseOutcome, no_progress
from measurement.networks.build import build_model, build_network, count_macs, count_parameters
from measurement.recipe import Model, Recipe, parse_recipe
from measurement.tracks import TRACKS
from tests.measurement.running import TRAIN, tiny_document

CPU = torch.device("cpu")
DIGITS = TRACKS["digits"]
SPACE: dict[str, Any] = {"architectures": ["test_resnet", "test_byobnet"], "resolutions": [8, 16]}
SEARCH: dict[str, Any] = {
    "technique": "architecture_search",
    "phase": "search",
    "space": SPACE,
    "training": {"epochs": 1, "batch_size": 64, "optimizer": {"learning_rate": 0.005}},
    "candidates": 3,
}
EVOLUTION: dict[str, Any] = {"strategy": "evolution", "population": 2, "tournament": 1, "candidates": 4}
HALVING: dict[str, Any] = {"strategy": "successive_halving", "candidates": 4}


def recipe_of(seed: int = 0, **changes: Any) -> Recipe:
    return parse_recipe(tiny_document(SEARCH | changes, TRAIN, seed=seed))


def context(recipe: Recipe) -> PhaseContext:
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


def run(**changes: Any) -> PhaseOutcome:
    return TECHNIQUES["architecture_search"].run(context(recipe_of(**changes)))


def candidate_names(outcome: PhaseOutcome) -> list[tuple[str, int]]:
    return [(each["architecture"], each["resolution"]) for each in outcome.detail["candidates"]]


@pytest.mark.parametrize("strategy", [{}, EVOLUTION, HALVING], ids=["random", "evolution", "successive_halving"])
def test_the_best_candidate_is_chosen_and_goes_on_untrained(strategy: dict[str, Any]) -> None:
    outcome = run(**strategy)
    details = outcome.detail
    best = max(details["candidates"], key=lambda candidate: (candidate["epochs"], candidate["score"]))
    chosen = Model.model_validate(details["chosen"])
    assert (outcome.architecture, outcome.resolution) == (best["architecture"], best["resolution"])
    assert (chosen.architecture, chosen.resolution) == (outcome.architecture, outcome.resolution)
    assert f"({best['score']:.4f}) of {details['trained']} candidates" in details["chosen_because"]
    assert best["parameters"] == count_parameters(outcome.model)
    assert len(set(candidate_names(outcome))) == details["trained"] == strategy.get("candidates", 3)
    torch.manual_seed(0)
    for left, right in zip(build_network(chosen, DIGITS, CPU).parameters(), outcome.model.parameters(), strict=True):
        assert torch.equal(left, right), "the weights of the search went on"


def test_candidates_learn() -> None:
    """One that has seen its images thrice is far better than guessing, on images that it was not trained on."""
    space = {"architectures": ["test_resnet"], "resolutions": [16]}
    outcome = run(space=space, candidates=1, training=SEARCH["training"] | {"epochs": 6})
    [candidate] = outcome.detail["candidates"]
    assert candidate["quality"] > 0.4  # guessing gives 0.1


def test_halving_trains_half_of_the_candidates_for_twice_as_long() -> None:
    details = run(**HALVING).detail
    assert sorted(candidate["epochs"] for candidate in details["candidates"]) == [1, 1, 2, 2]
    assert details["epochs"] == 6


def test_the_recorded_epochs_are_those_before_early_stopping() -> None:
    details: list[str] = []
    training = {"epochs": 30, "batch_size": 320, "early_stopping": {"patience": 1}}
    recipe = recipe_of(candidates=1, space={"architectures": ["test_byobnet"], "resolutions": [8]}, training=training)
    outcome = TECHNIQUES["architecture_search"].run(
        replace(context(recipe), advance=lambda fraction, detail="": details.append(detail))
    )
    epochs = {detail for detail in details if "epoch" in detail}
    assert outcome.detail["epochs"] == outcome.detail["candidates"][0]["epochs"] == len(epochs) < 30


def test_the_seed_fixes_the_choice() -> None:
    first, again, other = (run(seed=seed, **EVOLUTION) for seed in (3, 3, 4))
    assert again.detail == first.detail
    assert other.detail["candidates"] != first.detail["candidates"]


def test_a_weight_on_macs_prefers_the_smaller_network() -> None:
    details = run(candidates=4, macs_weight=10).detail
    assert details["chosen"]["resolution"] == 8
    assert (
        min(details["candidates"], key=lambda candidate: candidate["macs"])["architecture"]
        == details["chosen"]["architecture"]
    )


def test_constraints_leave_candidates_out() -> None:
    sizes = {
        (each["architecture"], each["resolution"]): each["macs"] for each in run(candidates=4).detail["candidates"]
    }
    limit = sorted(sizes.values())[1]
    outcome = run(candidates=2, max_macs=limit)
    assert set(candidate_names(outcome)) == {name for name, macs in sizes.items() if macs <= limit}


class _Sample:
    """A pace that does the first step of every loop and leaves out the others."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def steps(self, stage: str, count: int) -> Iterator[int]:
        self.stages.append(stage)
        yield from range(min(1, count))


def test_a_sample_meters_each_candidate_and_chooses_what_the_submitter_found() -> None:
    found = {"architecture": "test_byobnet", "resolution": 8}
    pace = _Sample()
    outcome = TECHNIQUES["architecture_search"].run(replace(context(recipe_of(found=found)), pace=pace))
    assert (outcome.architecture, outcome.resolution) == ("test_byobnet", 8)
    assert "submitter" in outcome.detail["chosen_because"]
    assert not any("score" in candidate for candidate in outcome.detail["candidates"])
    assert len(set(pace.stages)) == 3


def test_a_sample_without_a_declared_choice_is_refused() -> None:
    with pytest.raises(BadInput, match="a sample of a search can't choose") as raised:
        TECHNIQUES["architecture_search"].run(replace(context(recipe_of()), pace=_Sample()))
    assert raised.value.field == "phases.0.found"


def test_a_full_run_chooses_itself_and_also_records_the_declared_choice() -> None:
    found = {"architecture": "test_byobnet", "resolution": 8}
    outcome = run(found=found, macs_weight=0, candidates=4)
    assert outcome.detail["found"] == Model.model_validate(found).model_dump(mode="json")
    best = max(outcome.detail["candidates"], key=lambda candidate: candidate["score"])
    assert outcome.architecture == best["architecture"]


def test_progress_counts_candidates_by_their_work() -> None:
    fractions: list[tuple[float, str]] = []
    recipe = recipe_of(candidates=4, macs_weight=0)
    outcome = TECHNIQUES["architecture_search"].run(
        replace(context(recipe), advance=lambda fraction, detail="": fractions.append((fraction, detail)))
    )
    assert fractions == sorted(fractions, key=lambda item: item[0])
    assert fractions[-1][0] == pytest.approx(1)
    macs = [candidate["macs"] for candidate in outcome.detail["candidates"]]
    first = max(fraction for fraction, detail in fractions if detail.startswith("candidate 1,"))
    assert first == pytest.approx(macs[0] / sum(macs))


def test_a_candidate_whose_loss_is_no_number_is_named() -> None:
    wild = {"epochs": 4, "batch_size": 64, "optimizer": {"name": "sgd", "learning_rate": 100.0}}
    with pytest.raises(MeasurementError, match=r"test_resnet at 16 pixels: .*loss") as raised:
        run(training=wild, candidates=1, space={"architectures": ["test_resnet"], "resolutions": [16]})
    assert raised.value.field == "phases.0.training.optimizer.learning_rate"


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "resolution that an architecture can't take": (
        {"space": {"architectures": ["test_resnet", "inception_v3"], "resolutions": [8]}, "candidates": 1},
        "phases.0.space.resolutions.0",
        "inception_v3 at 8 pixels",
    ),
    "width that a builder does not take": (
        {
            "space": {
                "architectures": ["test_resnet", "mobilenetv3_small_050"],
                "resolutions": [16],
                "widths": [1.0, 0.5],
            }
        },
        "phases.0.space.widths.1",
        "mobilenetv3_small_050 x 0.5 wide at 16 pixels: timm's builder .* takes no width multiplier",
    ),
    "depth that changes nothing": (
        {"space": {"architectures": ["test_resnet"], "resolutions": [16], "depths": [0.9, 0.3]}, "candidates": 1},
        "phases.0.space.depths.0",
        "changes nothing after rounding",
    ),
    "resolution that the track does not take": (
        {"space": SPACE | {"resolutions": [16, 200]}},
        "phases.0.space.resolutions.1",
        "8 to 128",
    ),
    "batch of one": (
        {"training": {"epochs": 1, "batch_size": 1}, "space": SPACE | {"resolutions": [32]}, "candidates": 1},
        "phases.0.training.batch_size",
        "at least 2 images",
    ),
    "constraint that nothing meets": (
        {"max_parameters": 1000},
        "phases.0.max_parameters",
        r"no member .*\(the smallest has",
    ),
    "more candidates than meet the constraint": (
        {"candidates": 4, "max_macs": 500_000},
        "phases.0.candidates",
        "4 candidates, but only",
    ),
}


@pytest.mark.parametrize("fault", sorted(REFUSED))
def test_bad_input_is_refused_before_anything_is_metered(fault: str) -> None:
    changes, field, words = REFUSED[fault]
    with pytest.raises(BadInput, match=words) as raised:
        TECHNIQUES["architecture_search"].rehearse(context(recipe_of(**changes)))
    assert raised.value.field == field


def test_a_rehearsal_goes_on_with_a_network_that_the_search_may_choose() -> None:
    outcome = TECHNIQUES["architecture_search"].rehearse(context(recipe_of(max_macs=10**6)))
    assert outcome.architecture in SPACE["architectures"]
    assert outcome.resolution in SPACE["resolutions"]
    assert (count_macs(outcome.model, torch.zeros(1, 1, outcome.resolution, outcome.resolution)) or 0) <= 10**6


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "empty space": ({"space": SPACE | {"architectures": []}}, "phases.0.space.architectures: "),
    "value given twice": (
        {"space": SPACE | {"resolutions": [8, 8]}},
        "phases.0.space.resolutions: has a value twice",
    ),
    "unknown architecture": ({"space": SPACE | {"architectures": ["resnet81"]}}, "phases.0.space.architectures.0: "),
    "space too large": (
        {
            "space": {
                "architectures": ["test_resnet"],
                "resolutions": list(range(8, 108)),
                "widths": [1 + number / 100 for number in range(100)],
                "depths": [1.0, 2.0],
            }
        },
        "phases.0.space: has 20,000 members; use at most 10,000",
    ),
    "more candidates than members": ({"candidates": 5}, "phases.0: candidates is 5, but the space has 4 members"),
    "found outside the space": (
        {"found": {"architecture": "test_resnet", "resolution": 32}},
        "phases.0: found is test_resnet at 32 pixels, which is not a member of the space",
    ),
    "population without evolution": ({"population": 2}, "phases.0: population belongs to the strategy evolution"),
    "factor without halving": ({"halving_factor": 3}, "phases.0: halving_factor belongs to"),
    "nothing would evolve": (EVOLUTION | {"population": 4}, "phases.0: population is 4, and there are 4 candidates"),
    "tournament above the population": (
        EVOLUTION | {"tournament": 3},
        "phases.0: tournament is 3, which is more than the population of 2",
    ),
}


@pytest.mark.parametrize("fault", sorted(INVALID))
def test_a_space_that_makes_no_sense_is_refused_by_the_schema(fault: str) -> None:
    changes, words = INVALID[fault]
    with pytest.raises(DocumentError) as raised:
        recipe_of(**changes)
    assert any(str(fault).startswith(words) for fault in raised.value.faults), raised.value.faults


def test_a_search_alone_trains_nothing_that_could_be_ranked() -> None:
    with pytest.raises(DocumentError, match="at least one `train` phase"):
        parse_recipe(tiny_document(SEARCH))


def test_a_search_does_not_throw_trained_weights_away() -> None:
    with pytest.raises(DocumentError, match="architecture_search chooses a network with new random weights"):
        parse_recipe(tiny_document(TRAIN, SEARCH))
