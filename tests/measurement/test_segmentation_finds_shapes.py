"""A class for every pixel: backbones of every kind, the metric by hand, and a run that learns to find a square."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from measurement.methods import no_progress
from measurement.networks.build import build_model, count_macs
from measurement.recipe import Recipe, parse_recipe
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.run.workbench import track_of
from measurement.tracks.evaluation import mean_iou
from tests.measurement.folders import shapes
from tests.measurement.running import BRIEF, TRAIN, tiny_document

CPU = torch.device("cpu")


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
    return shapes(tmp_path / "datasets")


def recipe_on_shapes(manifest: str, architecture: str = "test_resnet", epochs: int = 8) -> Recipe:
    train = TRAIN | {"epochs": epochs, "batch_size": 8, "optimizer": {"learning_rate": 0.01}}
    return parse_recipe(
        tiny_document(
            train,
            track="segmentation",
            dataset={"name": "shapes", "manifest_sha256": manifest},
            model={"architecture": architecture, "resolution": 32},
            inference={"scenarios": ["single_stream"]},
        )
    )


@pytest.mark.parametrize(
    "architecture", ["test_resnet", "mobilenetv3_small_050", "test_vit", "swin_tiny_patch4_window7_224"]
)
def test_backbones_of_every_kind_give_a_class_for_every_pixel(manifest, architecture):
    recipe = recipe_on_shapes(manifest, architecture)
    model = build_model(recipe, track_of(recipe), CPU)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 2, 32, 32)
    assert (count_macs(model, torch.zeros(1, 3, 32, 32)) or 0) > 10_000


class Known:
    """A split whose images are what a network is to answer: class numbers."""

    resolution = 1

    def __init__(self, answers: list[list[int]], targets: list[list[int]]) -> None:
        self.answers = torch.tensor(answers).view(len(answers), 1, 1, -1)
        self.targets = torch.tensor(targets).view(len(targets), 1, -1)

    def __len__(self) -> int:
        return len(self.targets)

    def batches(self, batch_size: int):
        for answer, target in zip(self.answers, self.targets, strict=True):
            yield answer[None].float(), target[None]


class Scores(torch.nn.Module):
    def forward(self, answers: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(answers[:, 0].long(), 3).permute(0, 3, 1, 2).float()


@pytest.mark.parametrize(
    ("answers", "targets", "wanted"),
    [
        ([[0, 0, 1, 1]], [[0, 0, 1, 1]], 1.0),
        ([[1, 1, 0, 0]], [[0, 0, 1, 1]], 0.0),
        ([[0, 0, 0, 1]], [[0, 0, 1, 1]], (2 / 3 + 1 / 2) / 2),
        ([[0, 0, 0, 1]], [[0, 0, -100, 1]], 1.0),
        # Counted over all pixels together: class 1 has 1 of 3, not the mean of 1 and 0.
        ([[0, 1], [1, 0]], [[0, 1], [0, 1]], (1 / 3 + 1 / 3) / 2),
        # Class 2 is predicted once and never right: it counts.
        ([[0, 2]], [[0, 1]], (1 + 0 + 0) / 3),
    ],
)
def test_mean_iou_is_what_it_is_by_hand(answers, targets, wanted):
    found = mean_iou(Scores(), Known(answers, targets), 3, no_progress)  # type: ignore[arg-type]
    assert found == pytest.approx(wanted)


def test_a_run_learns_to_find_squares(manifest, tmp_path):
    record = run_recipe(recipe_on_shapes(manifest), tmp_path / "out", RunOptions(device="cpu", plan=BRIEF))
    assert (record.quality.metric, record.quality.provenance, record.quality.images) == ("miou", "evaluated", 8)
    assert record.quality.value > 0.75  # all ground is 0.35, one class for all at random 0.3
    assert [str(phase.phase) for phase in record.phases] == ["train", "evaluate", "inference"]
