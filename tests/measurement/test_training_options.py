"""What the training options promise, on a real network and the real digits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import nn

from measurement.documents import DocumentError
from measurement.errors import BadInput, MeasurementError
from measurement.methods import TECHNIQUES, PhaseContext
from measurement.training import fit, rehearse_step
from measurement.training.augmentation import augmentation_of
from measurement.training.job import Job, cross_entropy
from measurement.training.numerics import cpu_has_float16
from measurement.training.optimization import optimizer_of, schedule_of
from tests.measurement.running import TRAIN, tiny_recipe
from tests.measurement.test_methods_train_and_prune import accuracy, context

SGD = {"name": "sgd", "learning_rate": 0.05}


def trained(**options: Any) -> tuple[PhaseContext, dict[str, Any]]:
    """A network trained with `options` in place of those of TRAIN, and what the record keeps of it."""
    at_work = context(tiny_recipe(TRAIN | options))
    return at_work, TECHNIQUES["supervised"].run(at_work).detail


def refusal(**options: Any) -> BadInput:
    with pytest.raises(BadInput) as raised:
        TECHNIQUES["supervised"].rehearse(context(tiny_recipe(TRAIN | options)))
    return raised.value


@dataclass
class Watch:
    """A pace that remembers the stages and what was frozen; it does at most so many steps of each."""

    model: nn.Module
    most: int | None = None
    stages: list[tuple[str, int]] = field(default_factory=list)
    frozen: list[set[str]] = field(default_factory=list)

    def steps(self, stage: str, count: int) -> Iterator[int]:
        self.stages.append((stage, count))
        self.frozen.append({name for name, weight in self.model.named_parameters() if not weight.requires_grad})
        yield from range(count if self.most is None else min(count, self.most))


def watched(**options: Any) -> tuple[Watch, PhaseContext]:
    plain = context(tiny_recipe(TRAIN | options))
    watch = Watch(plain.model)
    at_work = replace(plain, pace=watch)
    fit(at_work, at_work.spec)
    return watch, at_work


TAUGHT: dict[str, dict[str, Any]] = {
    "adam, clipped": {
        "optimizer": {"name": "adam", "learning_rate": 0.005},
        "schedule": "exponential",
        "decay_epochs": 4,
        "clip_gradient_norm": 1.0,
    },
    "rmsprop, stopped early": {
        "optimizer": {"name": "rmsprop", "learning_rate": 0.005},
        "warmup_epochs": 0.5,
        "early_stopping": {"patience": 2},
    },
    "lamb, linear": {"optimizer": {"name": "lamb", "learning_rate": 0.02}, "schedule": "linear"},
    "nesterov, micro-batches, shifted": {
        "optimizer": SGD | {"nesterov": True},
        "micro_batches": 3,
        "augmentation": {"random_crop_padding": 1},
    },
    "bfloat16, channels last, mean": {
        "optimizer": SGD,
        "precision": "bfloat16",
        "channels_last": True,
        "ema_decay": 0.99,
    },
    "resized, mixed": {
        "optimizer": SGD,
        "progressive_resizing": [{"resolution": 8, "share": 0.25}, {"resolution": 12, "share": 0.25}],
        "augmentation": {"mixup_alpha": 0.2, "cutmix_alpha": 1.0},
        "deterministic": True,
    },
}


@pytest.mark.parametrize("options", TAUGHT.values(), ids=TAUGHT)
def test_every_option_teaches_and_is_rehearsed(options: dict[str, Any]) -> None:
    recipe = tiny_recipe(TRAIN | {"epochs": 4, "batch_size": 64} | options)
    assert TECHNIQUES["supervised"].rehearse(context(recipe)).detail == {}
    assert accuracy(TECHNIQUES["supervised"].run(context(recipe)).model) > 0.5  # guessing gives 0.1


def scheduled(**options: Any) -> list[dict[str, Any]]:
    """The optimizer's settings at each step; an epoch has 10 steps."""
    spec = tiny_recipe(TRAIN | {"optimizer": SGD} | options).phases[0]
    layer = nn.Linear(1, 1)
    optimizer = optimizer_of(spec.optimizer, layer)
    schedule = schedule_of(spec, optimizer, spec.epochs * 10, 10)
    settings = []
    for _ in range(spec.epochs * 10):
        settings.append(dict(optimizer.param_groups[0]))
        optimizer.step()
        schedule.step()
    return settings


def learning_rates(**options: Any) -> list[float]:
    """Of each step, in parts of the declared one."""
    return [settings["lr"] / SGD["learning_rate"] for settings in scheduled(**options)]


def test_schedules_follow_their_formulas() -> None:
    warm = learning_rates(epochs=4, schedule="step", decay_epochs=1, decay_factor=0.5, warmup_epochs=1)
    assert warm[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert [warm[step] for step in (10, 19, 20, 30)] == pytest.approx([1, 1, 0.5, 0.25])
    exponential = learning_rates(epochs=4, schedule="exponential", decay_epochs=2, decay_factor=0.25)
    assert exponential == pytest.approx([0.25 ** (step / 20) for step in range(40)])
    assert learning_rates(epochs=2, schedule="linear") == pytest.approx([1 - step / 20 for step in range(20)])


@pytest.mark.parametrize("schedule", ["cosine", "linear", "step", "exponential", "constant"])
def test_a_warm_up_may_take_every_step(schedule: str) -> None:
    rates = learning_rates(epochs=1, warmup_epochs=0.99, schedule=schedule)
    assert rates == pytest.approx([(step + 1) / 11 for step in range(10)])


def test_one_cycle_leaves_the_momentum_as_it_is_declared() -> None:
    sgd = scheduled(epochs=3, schedule="one_cycle", optimizer=SGD | {"momentum": 0.5})
    assert {step["momentum"] for step in sgd} == {0.5}
    adamw = scheduled(epochs=3, schedule="one_cycle", optimizer={"name": "adamw"})
    assert {step["betas"] for step in adamw} == {(0.9, 0.999)}
    assert len({step["lr"] for step in sgd}) == 30


def test_micro_batches_add_up_to_the_gradient_of_the_whole_batch() -> None:
    """A vision transformer has no batch normalisation, whose statistics would be the parts' own."""
    networks = []
    for micro_batches in (1, 5):
        options = TRAIN | {"batch_size": 1437, "optimizer": SGD, "micro_batches": micro_batches}
        recipe = tiny_recipe(options, model={"architecture": "test_vit", "resolution": 16})
        at_work = context(recipe)
        fit(at_work, recipe.phases[0])
        networks.append(at_work.model)
    for whole, parts in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.allclose(whole, parts, atol=1e-5)


def test_the_running_mean_becomes_the_weights() -> None:
    """With a decay that begins at 0 and never passes a hundredth, the mean is all but the last weights."""
    last, _ = trained(optimizer=SGD)
    near, _ = trained(optimizer=SGD, ema_decay=0.01)
    far, _ = trained(optimizer=SGD, ema_decay=0.99)

    def distance(of: PhaseContext) -> float:
        pairs = zip(of.model.parameters(), last.model.parameters(), strict=True)
        return sum(float((mean - weight).detach().abs().sum()) for mean, weight in pairs)

    assert 0 < distance(near) < 0.2 * distance(far)


def test_resizing_and_freezing_make_stages_of_their_own() -> None:
    watch, _ = watched(
        epochs=4,
        progressive_resizing=[{"resolution": 8, "share": 0.5}],
        freeze={"stages": 2, "epochs": 3},
    )
    assert watch.stages == [
        ("training at 8 px with frozen layers", 24),
        ("training at 16 px with frozen layers", 12),
        ("training at 16 px", 12),
    ]
    stem_and_first = {name for name in watch.frozen[0] if name.startswith(("conv1", "bn1", "layer1"))}
    assert watch.frozen == [stem_and_first, stem_and_first, set()]
    assert stem_and_first


def test_a_sample_steps_into_every_stage_and_reports_no_loss_of_the_last_epoch() -> None:
    """Thirteen steps: an epoch of each stage, and one step of the next."""
    at_work = context(tiny_recipe(TRAIN | {"epochs": 4, "progressive_resizing": [{"resolution": 8, "share": 0.5}]}))
    detail = fit(replace(at_work, pace=Watch(at_work.model, most=13)), at_work.spec)
    assert detail == {"steps": 48, "epochs": 4, "steps_run": 26, "final_epoch_mean_loss": None}


def test_a_loss_that_is_no_number_ends_a_sample_too() -> None:
    at_work = context(tiny_recipe())

    def no_number(model: nn.Module, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return model(images).sum() * torch.nan

    with pytest.raises(MeasurementError, match="epoch 1"):
        fit(replace(at_work, pace=Watch(at_work.model, most=2)), at_work.spec, no_number)


def test_frozen_layers_keep_weights_and_statistics_and_the_rest_learns() -> None:
    before = context(tiny_recipe()).model.state_dict()
    watch, after = watched(freeze={}, optimizer=SGD)
    assert watch.stages == [("training with frozen layers", 12)]
    changed = {name for name, value in after.model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"fc.weight", "fc.bias"}
    assert all(weight.requires_grad for weight in after.model.parameters())
    assert all(module.training for module in after.model.modules())


def test_the_model_keeps_its_ordinary_memory_format() -> None:
    at_work, _ = trained(channels_last=True)
    assert all(weight.is_contiguous() for weight in at_work.model.parameters())


def test_determinism_is_asked_of_torch_while_training_only() -> None:
    asked: list[bool] = []
    at_work = context(tiny_recipe(TRAIN | {"deterministic": True}))

    def loss_of(model: nn.Module, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        asked.append(torch.are_deterministic_algorithms_enabled())
        return cross_entropy(at_work.spec)(model, images, targets)

    fit(at_work, at_work.spec, loss_of)
    assert set(asked) == {True}
    assert not torch.are_deterministic_algorithms_enabled()


def test_early_stopping_ends_at_the_weights_of_the_best_epoch() -> None:
    """A loss that the test dictates: best in the second epoch, then worse for as long as patience lasts."""
    recipe = tiny_recipe(
        TRAIN | {"epochs": 9, "batch_size": 512, "early_stopping": {"patience": 3, "validation_share": 0.2}}
    )
    at_work = context(recipe)
    losses, kept = iter([3.0, 1.0, 2.0, 1.5, 1.0, 0.0]), []

    def loss_of(model: nn.Module, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            return cross_entropy(recipe.phases[0])(model, images, targets)
        assert not model.training
        kept.append(model.fc.weight.clone())
        return torch.tensor(next(losses))

    detail = fit(at_work, recipe.phases[0], loss_of)
    assert detail["best_epoch"] == 2
    assert detail["best_validation_loss"] == 1.0
    assert (detail["epochs"], detail["steps"]) == (5, 5 * 3)
    assert detail["validation_images"] == 287
    assert torch.equal(at_work.model.fc.weight, kept[1])
    assert not torch.equal(at_work.model.fc.weight, kept[-1])


def test_no_phase_is_trained_on_what_it_or_a_later_one_validates_on() -> None:
    """Four phases: two of them may stop early, on a tenth and on a quarter of the images."""
    finetune = TRAIN | {"phase": "finetune", "epochs": 2, "batch_size": 1437}
    shares: list[float | None] = [None, 0.1, 0.25, None]
    stopping = [{"early_stopping": {"patience": 1, "validation_share": share}} if share else {} for share in shares]
    recipe = tiny_recipe(
        *[finetune | {"phase": "finetune" if place else "train"} | stopping[place] for place in range(4)]
    )
    trained: list[set[bytes]] = [set() for _ in shares]
    validated: list[set[bytes]] = [set() for _ in shares]
    for place, spec in enumerate(recipe.phases):
        at_work = replace(context(recipe, place), model=nn.Sequential(nn.Flatten(), nn.Linear(256, 10)))

        def loss_of(model: nn.Module, images: torch.Tensor, targets: torch.Tensor, at: int = place) -> torch.Tensor:
            seen = trained if torch.is_grad_enabled() else validated
            seen[at].update(image.numpy().tobytes() for image in images)
            return cross_entropy(recipe.phases[at])(model, images, targets)

        fit(at_work, spec, loss_of)
    assert [len(images) for images in trained] == [1437 - 359, 1437 - 359, 1437 - 359, 1437]
    assert [len(images) for images in validated] == [0, 144, 359, 0]
    assert not any(earlier & later for at, later in enumerate(validated) for earlier in trained[: at + 1])


def changed(images: torch.Tensor, targets: torch.Tensor, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    spec = tiny_recipe(TRAIN | {"augmentation": options}).phases[0]
    at_work = context(tiny_recipe())
    return augmentation_of(Job(at_work, spec, cross_entropy(spec)))(images, targets)


def test_a_shift_moves_each_image_and_its_class_map_together() -> None:
    maps = torch.arange(1, 65).view(1, 8, 8).repeat(50, 1, 1)
    images, targets = changed(maps.unsqueeze(1).float(), maps, random_crop_padding=2, horizontal_flip=True)
    inside = targets > 0
    assert torch.equal(images.squeeze(1)[inside].long(), targets[inside])
    assert set(targets[~inside].tolist()) == {-100}
    assert set(images.squeeze(1)[~inside].tolist()) == {0.0}
    assert len({tuple(each.flatten().tolist()) for each in targets}) > 20  # of 50: 25 shifts, mirrored or not


def test_a_mirror_turns_about_half_of_the_images() -> None:
    images = torch.rand(200, 1, 4, 4)
    labels = torch.arange(200)
    mirrored, same_labels = changed(images, labels, horizontal_flip=True)
    turned = [torch.equal(after, before.flip(-1)) for after, before in zip(mirrored, images, strict=True)]
    kept = [torch.equal(after, before) for after, before in zip(mirrored, images, strict=True)]
    assert all(one != other for one, other in zip(turned, kept, strict=True))
    assert 60 < sum(turned) < 140
    assert torch.equal(labels, same_labels)


def test_mixing_gives_class_probabilities() -> None:
    images, labels = torch.rand(31, 1, 8, 8), torch.arange(31) % 10
    _, targets = changed(images, labels, mixup_alpha=1.0)
    assert targets.shape == (31, 10)
    assert torch.allclose(targets.sum(dim=1), torch.ones(31))


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "more stages than there are": ({"freeze": {"stages": 6}}, "freeze.stages", "has 5 stages"),
    "larger than the model's": (
        {"epochs": 2, "progressive_resizing": [{"resolution": 32, "share": 0.5}]},
        "progressive_resizing.0.resolution",
        "16 pixels",
    ),
    "nothing left to train on": (
        {"epochs": 2, "early_stopping": {"patience": 1, "validation_share": 0.9999}},
        "early_stopping.validation_share",
        "2 images",
    ),
}


@pytest.mark.parametrize(("options", "name", "message"), REFUSED.values(), ids=REFUSED)
def test_what_network_or_data_cannot_take_is_refused_before_anything_is_metered(
    options: dict[str, Any], name: str, message: str
) -> None:
    error = refusal(**options)
    assert error.field == f"phases.0.{name}"
    assert message in str(error)


def test_a_network_for_one_size_of_image_is_not_resized() -> None:
    options = TRAIN | {"epochs": 2, "progressive_resizing": [{"resolution": 16, "share": 0.5}]}
    recipe = tiny_recipe(options, model={"architecture": "vit_tiny_patch16_224", "resolution": 32})
    with pytest.raises(BadInput, match="at 16 pixels") as raised:
        TECHNIQUES["supervised"].rehearse(context(recipe))
    assert raised.value.field == "phases.0.progressive_resizing"


@pytest.mark.skipif(cpu_has_float16(), reason="this CPU has float16 arithmetic")
def test_float16_is_refused_on_a_cpu_without_it() -> None:
    assert refusal(precision="float16").field == "phases.0.precision"


def test_class_maps_are_not_mixed() -> None:
    at_work = context(tiny_recipe())
    maps = torch.zeros(len(at_work.train), 16, 16, dtype=torch.int64)
    dense = replace(at_work, train=replace(at_work.train, labels=maps))
    spec = tiny_recipe(TRAIN | {"augmentation": {"mixup_alpha": 0.1}}).phases[0]
    with pytest.raises(BadInput) as raised:
        augmentation_of(Job(dense, spec, cross_entropy(spec)))
    assert raised.value.field == "phases.0.augmentation.mixup_alpha"


IMPOSSIBLE: dict[str, tuple[dict[str, Any], str]] = {
    "momentum of adam": ({"optimizer": {"name": "adam", "momentum": 0.5}}, "momentum belongs to sgd and rmsprop"),
    "nesterov of adamw": ({"optimizer": {"nesterov": True}}, "nesterov belongs to sgd"),
    "two warm-ups": ({"epochs": 3, "schedule": "one_cycle", "warmup_epochs": 1}, "one_cycle has its own warm-up"),
    "warm-up alone": ({"epochs": 3, "warmup_epochs": 3}, "fewer than epochs"),
    "decay without a schedule for it": ({"decay_epochs": 2}, "schedules step and exponential"),
    "frozen to the end": ({"epochs": 2, "freeze": {"epochs": 2}}, "leave it out for all"),
    "patience to the end": ({"epochs": 2, "early_stopping": {"patience": 2}}, "patience must be fewer"),
    "shrinking": (
        {"epochs": 4, "progressive_resizing": [{"resolution": 16, "share": 0.5}, {"resolution": 8, "share": 0.5}]},
        "larger than the one before",
    ),
    "more than all epochs": (
        {"epochs": 4, "progressive_resizing": [{"resolution": 8, "share": 0.5}, {"resolution": 9, "share": 0.6}]},
        "more than 1",
    ),
    "a stage without an epoch": (
        {"epochs": 4, "progressive_resizing": [{"resolution": 8, "share": 0.1}]},
        "a stage gets none of the",
    ),
}


@pytest.mark.parametrize(("options", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        tiny_recipe(TRAIN | options)


def test_compilation_is_a_stage_of_its_own_and_leaves_the_plain_model() -> None:
    """On a network of two layers: the compiler takes a minute for each of a dozen."""
    spec = tiny_recipe(TRAIN | {"epochs": 3, "batch_size": 1437, "optimizer": SGD, "compile": True}).phases[0]
    networks = []
    for options in (spec.model_copy(update={"compile": False}), spec):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(256), nn.Linear(256, 10))
        watch = Watch(network)
        fit(replace(context(tiny_recipe()), model=network, pace=watch), options)
        networks.append(network)
    assert watch.stages == [("training compilation", 1), ("training", 3)]
    assert "compiled-" not in os.environ.get("TORCHINDUCTOR_CACHE_DIR", "")
    for plain, compiled in zip(*(network.state_dict().values() for network in networks), strict=True):
        assert torch.allclose(plain, compiled, atol=1e-5)


def test_compilation_is_refused_if_it_would_compile_nothing() -> None:
    """As of a technique that runs parts of the network by themselves."""
    at_work = context(tiny_recipe(TRAIN | {"compile": True}))

    def of_parts(model: nn.Module, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return model.forward_features(images).mean()

    with pytest.raises(BadInput, match="never runs the network as a whole") as raised:
        rehearse_step(at_work, at_work.spec, of_parts)
    assert raised.value.field == "phases.0.compile"
