"""What a recipe must not leave out or let pass as the whole, and that a crowded one costs the site little to read."""

import pytest

from measurement.documents import DocumentError
from measurement.recipe import parse_recipe, parts
from tests.measurement.running import FINETUNE, PRUNE, TRAIN, tiny_recipe

PRETRAIN = {"technique": "declared", "phase": "pretrain"}
SEARCH = PRETRAIN | {"phase": "search", "energy_j": 1e-9, "evidence": "https://example.org/notes"}
DISTILLED = {
    "technique": "distillation",
    "phase": "train",
    "epochs": 1,
    "teacher": {"architecture": "test_resnet", "weights": "0" * 64},
}


def test_a_teacher_from_the_store_is_covered_by_a_pretraining_and_by_nothing_else():
    with pytest.raises(DocumentError) as refused:
        tiny_recipe(SEARCH, DISTILLED)
    assert refused.value.faults[0].field == "phases.1.teacher.weights"
    assert tiny_recipe(PRETRAIN, DISTILLED)


def test_early_exits_are_sampled_on_finished_weights_alone_since_their_joules_depend_on_the_whole_training():
    early_exit = TRAIN | {"technique": "early_exit", "confidence": 0.11}
    reported = {"quality": 0.99, "evidence": "https://example.org/notes"}
    fault = tiny_recipe(early_exit, reported=reported).why_not_sampled()
    assert fault is not None
    assert fault.field == "reported.weights_sha256"
    assert tiny_recipe(TRAIN, reported=reported).why_not_sampled() is None
    finished = reported | {"weights_sha256": "0" * 64}
    assert tiny_recipe(early_exit, reported=finished).why_not_sampled() is None


@pytest.mark.parametrize(
    "then", [PRUNE, TRAIN | {"technique": "early_exit", "phase": "finetune"}], ids=lambda phase: phase["technique"]
)
def test_what_needs_a_single_path_comes_before_early_exits(then):
    exits = TRAIN | {"technique": "early_exit"}
    with pytest.raises(DocumentError, match=r"early_exit \(phases\.1\) leaves several; put it before") as refused:
        tiny_recipe(PRETRAIN, exits, FINETUNE, then)
    assert refused.value.faults[0].field == "phases.3.technique"
    assert tiny_recipe(TRAIN, PRUNE, exits | {"phase": "finetune"}, FINETUNE)


def test_a_training_is_not_called_a_search_to_be_shared():
    space = {"resolutions": [16], "depths": [1], "kernels": [3], "expansions": [1]}
    supernet = {
        "technique": "supernet",
        "phase": "search",
        "strategy": "random",
        "candidates": 1,
        "training": {"epochs": 1},
    }
    model = {"architecture": "elastic_mobile", "resolution": 16}
    for resolutions in ([16], [15, 16]):
        with pytest.raises(DocumentError, match="only one sub-network, so there is nothing to search"):
            tiny_recipe(supernet | {"space": space | {"resolutions": resolutions}}, model=model)
    assert tiny_recipe(supernet | {"space": space | {"depths": [1, 2]}}, model=model)


def test_thousands_of_wrong_names_are_looked_up_once_an_axis(monkeypatch):
    looked_up = []
    find = parts.difflib.get_close_matches
    monkeypatch.setattr(
        parts.difflib, "get_close_matches", lambda *given, **how: looked_up.append(1) or find(*given, **how)
    )
    phases = [
        {
            "technique": "architecture_search",
            "phase": "search",
            "candidates": 1,
            "training": {"epochs": 1},
            "space": {"resolutions": [16], "architectures": [f"resnet-{phase}-{name}" for name in range(100)]},
        }
        for phase in range(20)
    ]
    with pytest.raises(DocumentError) as refused:
        parse_recipe(tiny_recipe(TRAIN).document() | {"phases": phases})
    assert len(looked_up) == 20
    assert [fault.field for fault in refused.value.faults[:2]] == [
        f"phases.{phase}.space.architectures.0" for phase in (0, 1)
    ]


@pytest.mark.parametrize(
    ("architecture", "least"),
    [
        ("deit_small_patch16_224", 16),
        ("vit_base_patch14_dinov2", 14),
        ("xcit_nano_12_p16_224", 16),
        ("mixer_s32_224", 32),
        ("cait_xxs24_224", 16),
        ("test_vit", 16),
        ("swin_tiny_patch4_window7_224", 8),
        ("mobilevit_xxs", 8),
        ("test_resnet", 8),
    ],
)
def test_images_are_not_smaller_than_a_patch(architecture, least):
    if least > 8:
        with pytest.raises(DocumentError, match=f"into patches of {least} pixels") as refused:
            tiny_recipe(model={"architecture": architecture, "resolution": least - 1})
        assert refused.value.faults[0].field == "model.resolution"
    assert tiny_recipe(model={"architecture": architecture, "resolution": least})


def test_no_candidate_teacher_or_stage_gets_images_smaller_than_a_patch():
    resizing = {"epochs": 2, "progressive_resizing": [{"resolution": 8, "share": 0.5}]}
    search = {"technique": "architecture_search", "phase": "search", "candidates": 1, "training": {"epochs": 1}}
    space = {"resolutions": [16, 8], "architectures": ["test_resnet", "test_vit"]}
    teacher = DISTILLED | {"teacher": {"architecture": "mixer_s32_224", "training": {"epochs": 1}}}
    vit = {"architecture": "test_vit", "resolution": 16}
    for phases, model, field in (
        ((TRAIN | resizing,), vit, "phases.0.progressive_resizing.0.resolution"),
        ((search | {"strategy": "random", "space": space}, TRAIN), {}, "phases.0.space.resolutions.1"),
        ((teacher,), vit, "phases.0.teacher.architecture"),
    ):
        with pytest.raises(DocumentError) as refused:
            tiny_recipe(*phases, **({"model": model} if model else {}))
        assert refused.value.faults[0].field == field
