"""Detection: boxes as COCO has them, torchvision's detectors, and the mean average precision of pycocotools."""

from __future__ import annotations

import contextlib
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from measurement.errors import BadInput
from measurement.methods import no_progress
from measurement.networks.build import build_model, count_macs
from measurement.recipe import Recipe
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.run.workbench import track_of
from measurement.tracks.average_precision import average_precision
from measurement.tracks.boxes import read_boxes
from measurement.tracks.evaluation import evaluate
from tests.measurement.folders import squares
from tests.measurement.running import BRIEF
from tests.measurement.tiny import TRAIN, tiny_recipe

SIZE = 64
WIDTH, HEIGHT = 90, 60


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
    return squares(tmp_path / "datasets")


def recipe_on(manifest: str, architecture: str = "ssdlite320_mobilenet_v3_large", **changes: Any) -> Recipe:
    return tiny_recipe(
        TRAIN | {"batch_size": 4, "optimizer": {"learning_rate": 0.001}} | changes.pop("train", {}),
        **{
            "track": "detection",
            "dataset": {"name": "squares", "manifest_sha256": manifest},
            "model": {"architecture": architecture, "resolution": SIZE},
            "inference": {"scenarios": ["single_stream"]},
        }
        | changes,
    )


def by_reference(annotations: Path, found: list[dict[str, Any]]) -> float:
    """COCO's figure in the original images, straight from the file."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


class Fixed(torch.nn.Module):
    """Gives prepared answers, batch after batch."""

    def __init__(self, answers: torch.Tensor) -> None:
        super().__init__()
        self.left = answers

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        given, self.left = self.left[: len(images)], self.left[len(images) :]
        return given


def test_mean_average_precision_is_the_reference_s(manifest, tmp_path):
    """Of answers that are near, far, doubled and of the wrong class, compared in stretched and in original images."""
    part = tmp_path / "datasets" / "squares" / "test"
    document = json.loads((part / "annotations.json").read_text())
    luck, found = random.Random(3), []
    for truth in document["annotations"] * 3:
        left, top, width, height = (value + luck.uniform(-3, 3) for value in truth["bbox"])
        category = truth["category_id"] if luck.random() < 0.8 else 10 - truth["category_id"]
        box = {"bbox": [left, top, width, height], "score": round(luck.random(), 3)}
        found.append(box | {"image_id": truth["image_id"], "category_id": category})
    answers = torch.zeros(3, 100, 6)
    rows = dict.fromkeys(range(3), 0)
    for answer in found:
        left, top, width, height = answer["bbox"]
        x, y, image = SIZE / WIDTH, SIZE / HEIGHT, answer["image_id"]
        box = [left * x, top * y, (left + width) * x, (top + height) * y]
        answers[image, rows[image]] = torch.tensor([{3: 1, 7: 2}[answer["category_id"]], *box, answer["score"]])
        rows[image] += 1
    track = track_of(recipe_on(manifest))
    value = evaluate(track, Fixed(answers), track.load_test(SIZE), no_progress)
    reference = by_reference(part / "annotations.json", found)
    assert 0.05 < reference < 0.95
    assert value == pytest.approx(reference, abs=1e-6)


def test_all_found_is_one_and_nothing_found_is_zero():
    targets = [torch.tensor([[1.0, 4, 4, 20, 20, 0], [0, 0, 0, 0, 0, 0]]), torch.tensor([[2.0, 8, 8, 30, 30, 0]])]
    right = [torch.cat([rows[:, :5], torch.ones(len(rows), 1)], dim=1) for rows in targets]
    assert average_precision(right, targets, 2) == pytest.approx(1)
    assert average_precision([torch.zeros(3, 6)] * 2, targets, 2) == 0
    assert average_precision(right, [torch.zeros(1, 6)] * 2, 2) == 0


@pytest.mark.parametrize(
    "architecture", ["fasterrcnn_mobilenet_v3_large_320_fpn", "fcos_resnet50_fpn", "retinanet_resnet50_fpn_v2"]
)
def test_every_detector_gives_boxes_and_a_loss(manifest, architecture):
    recipe = recipe_on(manifest, architecture)
    track = track_of(recipe)
    model = build_model(recipe, track, torch.device("cpu"))
    images, targets = track.load_train(SIZE).first(2)
    assert (targets.shape, targets[0, :, 0].tolist()) == ((2, 2, 6), [1, 0])
    assert model(images).shape == (2, 100, 6)
    assert (count_macs(model, images[:1]) or 0) > 1e6
    loss = model.train().loss(images, targets)
    assert torch.isfinite(loss)
    loss.backward()


def test_a_run_ends_in_a_record(manifest, tmp_path):
    record = run_recipe(recipe_on(manifest), tmp_path / "out", RunOptions(device="cpu", plan=BRIEF))
    assert (record.quality.metric, record.quality.provenance, record.quality.images) == ("map", "evaluated", 3)
    assert 0 <= record.quality.value <= 1


def test_mirrored_boxes_stay_on_their_squares(manifest):
    split = track_of(recipe_on(manifest)).load_train(SIZE)
    order = torch.Generator().manual_seed(1)
    for _ in range(3):
        for images, targets in split.batches(4, order):
            for image, rows in zip(images, targets, strict=True):
                for number, left, top, right, bottom, _crowd in rows[rows[:, 0] > 0][-1:].tolist():
                    inside = image[:, int(top) + 2 : int(bottom) - 2, int(left) + 2 : int(right) - 2].mean((1, 2))
                    assert int(inside.argmax()) == {1: 2, 2: 0}[int(number)], "blue is 1, red is 2"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["images", 0, "file_name"], "../0.png", "'../0.png', which is not in images/"),
        (["images", 1, "id"], 0, "each image needs a whole number of its own"),
        (["categories", 0, "id"], 3, "each category needs a whole number of its own"),
        (["categories", 0, "name"], "green", "categories of train/ and test/ differ"),
        (["annotations", 0, "image_id"], 99, "image_id is 99, no image's id"),
        (["annotations", 0, "category_id"], [], "category_id is []"),
        (["annotations", 0, "bbox"], [0, 0, -1, 5], "annotations.0.bbox must be"),
        (["annotations", 0, "bbox"], [0, 0, float("nan"), 5], "annotations.0.bbox must be"),
        (["annotations"], {}, "has no list “annotations”"),
        (["images"], [], "lists no image|no image's id"),
    ],
)
def test_bad_annotations_are_named(manifest, tmp_path, path, value, message):
    folder = tmp_path / "datasets" / "squares"
    file = folder / "test" / "annotations.json"
    document = json.loads(file.read_text())
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    file.write_text(json.dumps(document))
    with pytest.raises(BadInput) as fault:
        read_boxes(folder)
    assert any(part in str(fault.value) for part in message.split("|")), fault.value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "resnet18"}, "track detection takes"),
        ({"train": {"compile": True}}, "phases.0.compile"),
        ({"train": {"early_stopping": {"patience": 1, "validation_share": 0.5}, "epochs": 3}}, "early_stopping"),
        ({"train": {"augmentation": {"horizontal_flip": True}}}, "phases.0.augmentation"),
        ({"inference": {"compile": True}}, "inference.compile"),
        ({"track": "digits", "dataset": None}, "use it on the track detection"),
    ],
)
def test_what_detectors_can_t_do_is_refused(changes, message):
    with pytest.raises(Exception, match=message) as fault:
        recipe_on("a" * 64, **changes)
    assert type(fault.value).__name__ == "DocumentError"
