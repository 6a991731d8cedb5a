"""Every published model has a recipe to start its verification from, and what the recipe cannot say is said."""

import catalogue
from measurement.recipe import parse_recipe

CATALOGUE = catalogue.load()
MODELS = [(row.model, row.resolution) for row in CATALOGUE.models]


def test_every_draft_is_a_valid_recipe_of_its_model() -> None:
    said = 0
    for model, resolution in MODELS:
        draft = catalogue.recipe_of(CATALOGUE, model, resolution)
        assert draft is not None
        if draft.document is None:
            assert draft.not_said, model
            continue
        said += 1
        recipe = parse_recipe(draft.document)
        assert (recipe.track, recipe.model.resolution) == ("imagenet-1k", resolution)
        assert recipe.model.architecture == model.partition(".")[0]
        assert recipe.reported is not None
        assert recipe.why_not_family() is None
    assert said > 250


def test_a_plain_schedule_is_said_whole() -> None:
    draft = catalogue.recipe_of(CATALOGUE, "resnet50.a1_in1k", 224)
    assert draft is not None
    assert draft.document is not None
    assert draft.document["phases"] == [{"phase": "train", "technique": "supervised", "epochs": 600}]
    assert draft.not_said == ()
    assert draft.document["method"]["published_model"] == "resnet50.a1_in1k"


def test_training_images_of_another_size_are_said_if_they_are_smaller() -> None:
    smaller = catalogue.recipe_of(CATALOGUE, "resnet50.a3_in1k", 224)
    assert smaller is not None
    assert smaller.document is not None
    assert smaller.document["phases"][0]["progressive_resizing"] == [{"resolution": 160, "share": 1.0}]
    assert smaller.not_said == ()
    larger = [
        draft
        for draft in (catalogue.recipe_of(CATALOGUE, model, px) for model, px in MODELS)
        if draft is not None and any("does not repeat" in sentence for sentence in draft.not_said)
    ]
    assert larger
    for draft in larger:
        assert draft.document is not None
        assert "published_model" not in draft.document["method"]


def test_every_declared_phase_has_its_reason() -> None:
    for model, resolution in MODELS:
        draft = catalogue.recipe_of(CATALOGUE, model, resolution)
        assert draft is not None
        if draft.document is not None:
            declared = {phase["phase"] for phase in draft.document["phases"] if phase["technique"] == "declared"}
            reasons = {sentence.partition(":")[0] for sentence in draft.not_said if "it trained at" not in sentence}
            assert reasons == declared, model


def test_a_teacher_a_search_and_other_data_are_named() -> None:
    reasons = {
        reason
        for model, resolution in MODELS
        for reason in catalogue.recipe_of(CATALOGUE, model, resolution).not_said  # type: ignore[union-attr]
    }
    for words in ("the teacher regnety_160.deit_in1k", "search: the architecture search", "in21k is no track's data"):
        assert any(words in reason for reason in reasons), words


def test_what_the_catalogue_does_not_have_has_no_draft() -> None:
    assert catalogue.recipe_of(CATALOGUE, "resnet50.a1_in1k", 223) is None
    assert catalogue.recipe_of(CATALOGUE, "no.such", 224) is None
