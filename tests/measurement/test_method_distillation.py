"""Distillation: a small network learns from a larger one, on real networks and the real digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn.functional import cross_entropy, softmax

from measurement.dataroot import DATA_ROOT_VARIABLE, sha256_of
from measurement.documents import DocumentError
from measurement.errors import BadInput, MeasurementError
from measurement.methods import TECHNIQUES
from measurement.methods.distillation import distillation_loss
from measurement.networks.build import count_parameters
from measurement.recipe import Recipe
from measurement.recipe.training import early_stoppings
from measurement.training import fit
from tests.measurement.running import TRAIN, tiny_recipe
from tests.measurement.test_methods_train_and_prune import accuracy, context

SGD = {"name": "sgd", "learning_rate": 0.05}
TEACHER = {"architecture": "test_resnet", "training": {"epochs": 4, "batch_size": 64, "optimizer": SGD}}
STUDENT = {"architecture": "test_efficientnet", "resolution": 16}
DISTIL: dict[str, Any] = TRAIN | {"technique": "distillation", "epochs": 3, "batch_size": 64, "optimizer": SGD}
PRETRAIN = {"technique": "declared", "phase": "pretrain"}


def distilled(
    *, teacher: dict[str, Any] = TEACHER, before: tuple[dict[str, Any], ...] = (), **options: Any
) -> Recipe:
    return tiny_recipe(*before, DISTIL | {"teacher": teacher} | options, model=STUDENT)


@dataclass
class Sample:
    """A pace that does the first steps of every stage and no more."""

    most: int
    stages: list[str] = field(default_factory=list)

    def steps(self, stage: str, count: int) -> Iterator[int]:
        self.stages.append(stage)
        yield from range(min(count, self.most))


def test_the_student_learns_and_the_record_describes_the_teacher() -> None:
    fractions: list[float] = []
    at_work = replace(context(distilled()), advance=lambda fraction, detail="": fractions.append(fraction))
    before = count_parameters(at_work.model)
    outcome = TECHNIQUES["distillation"].run(at_work)
    assert outcome.model is at_work.model
    assert accuracy(outcome.model) > 0.5  # guessing gives 0.1
    assert count_parameters(outcome.model) == before < outcome.detail["teacher"]["parameters"]
    details = outcome.detail["teacher"]
    assert details["validation_accuracy"] > 0.5
    assert details["validation_images"] == 144  # a tenth, which the teacher has not been trained on
    assert details["training"]["steps"] == 4 * 21
    assert outcome.detail["steps"] == 3 * 23
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


def test_the_loss_is_that_of_the_paper() -> None:
    """Against the definition, written out: T² times the mean over the images of Σ p · log(p / q)."""
    student, teacher = nn.Linear(5, 10), nn.Linear(5, 10)
    images, labels = torch.randn(7, 5), torch.arange(7)
    spec = distilled(temperature=3.0, alpha=0.7).phases[0]
    p, q = softmax(teacher(images) / 3, dim=1), softmax(student(images) / 3, dim=1)
    expected = 0.7 * 9 * (p * (p / q).log()).sum(dim=1).mean() + 0.3 * cross_entropy(student(images), labels)
    found = distillation_loss(spec, teacher)(student, images, labels)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_student_that_learns_from_outputs_alone_follows_its_teacher_into_error() -> None:
    """The teacher says 3 to everything; with `alpha: 1` the labels have no say."""

    class SaysThree(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.eye(10)[3].expand(len(images), 10) * 20

    at_work = context(distilled(alpha=1.0, epochs=1))
    fit(at_work, at_work.spec, distillation_loss(at_work.spec, SaysThree()))
    test = at_work.track.load_test(16)
    with torch.inference_mode():
        assert (at_work.model.eval()(test.images).argmax(dim=1) == 3).float().mean() > 0.9


def test_a_sample_has_every_stage_and_reports_no_accuracy_of_a_half_trained_teacher() -> None:
    pace = Sample(most=2)
    detail = TECHNIQUES["distillation"].run(replace(context(distilled()), pace=pace)).detail
    assert pace.stages == ["teacher training", "teacher validation", "distillation"]
    assert detail["teacher"]["validation_accuracy"] is None
    assert detail["teacher"]["training"]["steps_run"] == 2
    assert detail["steps_run"] == 2


def test_a_teacher_that_diverges_is_named() -> None:
    wild = TEACHER | {"training": {"epochs": 3, "optimizer": {"name": "sgd", "learning_rate": 100.0}}}
    with pytest.raises(MeasurementError, match=r"epoch \d") as raised:
        TECHNIQUES["distillation"].run(context(distilled(teacher=wild)))
    assert raised.value.field == "phases.0.teacher.training.optimizer.learning_rate"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path))
    folder = tmp_path / "weights"
    folder.mkdir()
    return folder


def stored(folder: Path, model: nn.Module) -> str:
    safetensors.torch.save_model(model, str(folder / "new"))
    sha256 = sha256_of(folder / "new")
    (folder / "new").rename(folder / f"{sha256}.safetensors")
    return sha256


def brought(sha256: str) -> Recipe:
    teacher = {"architecture": "test_resnet", "weights": sha256}
    return distilled(teacher=teacher, before=(PRETRAIN,))


def test_a_teacher_may_come_from_the_store(store: Path) -> None:
    """Trained here and stored: it is not trained again, and teaches."""
    model = {"architecture": "test_resnet", "resolution": 16}
    trained = context(tiny_recipe(TRAIN | TEACHER["training"], model=model))
    TECHNIQUES["supervised"].run(trained)
    recipe = brought(stored(store, trained.model))
    TECHNIQUES["distillation"].rehearse(context(recipe, position=1))
    outcome = TECHNIQUES["distillation"].run(context(recipe, position=1))
    assert "training" not in outcome.detail["teacher"]
    assert outcome.detail["teacher"]["validation_accuracy"] > 0.5
    assert accuracy(outcome.model) > 0.5


def test_weights_that_are_not_there_or_not_of_the_teacher_are_refused(store: Path) -> None:
    for sha256 in ("0" * 64, stored(store, nn.Linear(2, 2))):
        with pytest.raises(BadInput) as raised:
            TECHNIQUES["distillation"].rehearse(context(brought(sha256), position=1))
        assert raised.value.field == "phases.1.teacher.weights"


IMPOSSIBLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "larger images than the student's": (
        TEACHER | {"architecture": "inception_v3"},
        "teacher.architecture",
        "the teacher: ",
    ),
    "no images left": (TEACHER | {"validation_share": 0.9999}, "teacher.validation_share", "fewer than 2"),
    "a training that the teacher can't take": (
        TEACHER | {"training": {"epochs": 2, "freeze": {"stages": 60}}},
        "teacher.training.freeze.stages",
        "has 5 stages",
    ),
}


@pytest.mark.parametrize(("teacher", "name", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_teacher_that_cannot_teach_is_refused_before_anything_is_metered(
    teacher: dict[str, Any], name: str, message: str
) -> None:
    with pytest.raises(BadInput, match=message) as raised:
        TECHNIQUES["distillation"].rehearse(context(distilled(teacher=teacher)))
    assert raised.value.field == f"phases.0.{name}"


def test_weights_from_elsewhere_need_a_declared_training() -> None:
    """Missing is never free: the recipe has a figure, or says that it is unknown."""
    teacher = {"architecture": "test_resnet", "weights": "0" * 64}
    with pytest.raises(DocumentError, match="add a `declared` phase `pretrain`") as raised:
        distilled(teacher=teacher)
    assert raised.value.faults[0].field == "phases.0.teacher.weights"
    assert distilled(teacher=teacher, before=(PRETRAIN,)).phases[1].teacher.weights == "0" * 64


@pytest.mark.parametrize("source", [{}, {"training": {"epochs": 1}, "weights": "0" * 64}])
def test_a_teacher_comes_from_one_place(source: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match=r"either training .* or weights"):
        distilled(teacher={"architecture": "test_resnet"} | source)


def test_a_part_that_may_stop_early_is_found_in_any_place() -> None:
    stopping = TRAIN | {"epochs": 3, "early_stopping": {"patience": 1}}
    teacher = {"architecture": "test_resnet", "training": {"epochs": 3, "early_stopping": {"patience": 1}}}
    distilled = TRAIN | {"technique": "distillation", "phase": "finetune", "teacher": teacher}
    recipe = tiny_recipe(TRAIN, stopping | {"phase": "finetune"}, distilled)
    assert list(early_stoppings(recipe)) == [
        "phases.1.early_stopping",
        "phases.2.teacher.training.early_stopping",
    ]
