"""A model that was made outside the project goes through a whole run, and costs what the same network costs here."""

import json
from statistics import fmean

import numpy as np
import onnx
import pytest
import timm
import torch
from torch import nn

from measurement.accounting import repeat_uncertainty
from measurement.errors import BadInput
from measurement.meters import EnergyMeter
from measurement.networks.onnx_network import OnnxNetwork
from measurement.networks.onnx_network import exported as to_graph
from measurement.recipe import parse_recipe
from measurement.record import parse_record
from measurement.run.deployment import deployed
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.tracks import TRACKS
from measurement.tracks.digits import PIXEL_MEAN, PIXEL_STD
from measurement.vocabulary import Scope
from tests.measurement.onnx_models import document, keep, linear
from tests.measurement.running import BRIEF, measurement, tiny_recipe

DIGITS = TRACKS["digits"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


def digits(split):
    """The images as scikit-learn has them, 0 to 16 in rows of 64, with their labels."""
    images = (split.images * PIXEL_STD + PIXEL_MEAN) * 16
    return images.flatten(1).numpy().round(), split.labels.numpy()


@pytest.fixture(scope="module")
def outside():
    """A logistic regression of scikit-learn, trained on the training images alone."""
    # Not loaded by every process that collects tests.
    from sklearn.linear_model import LogisticRegression

    images, labels = digits(DIGITS.load_train(8))
    return LogisticRegression(max_iter=300).fit(images, labels), images


def exported(outside):
    from skl2onnx import to_onnx

    model, images = outside
    return to_onnx(model, images[:1].astype(np.float32), options={"zipmap": False})


def run(recipe, out):
    return run_recipe(recipe, out, RunOptions(device="cpu", plan=BRIEF, accept_busy=True))


def test_a_model_of_scikit_learn_is_measured_by_the_command_line(root, outside, tmp_path):
    sha256 = keep(root, exported(outside))
    output = {"name": "probabilities", "kind": "softmax"}
    recipe = document(sha256, output=output)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    done = measurement("run", tmp_path / "recipe.json", "--out", tmp_path / "out", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    record = parse_record((tmp_path / "out" / "record.json").read_bytes())
    images, labels = digits(DIGITS.load_test(8))
    assert record.quality.value == pytest.approx(outside[0].score(images, labels), abs=0.005)
    train, evaluation, *inference = record.phases
    assert {energy.provenance for energy in train.energies} == {"missing"}
    assert evaluation.phase == "evaluate"
    assert [phase.scenario for phase in inference] == ["single_stream", "offline"]
    for phase in inference:
        assert phase.inference.throughput_images_per_s > 0
        assert phase.inference.peak_memory_bytes is None
        assert phase.detail["execution_provider"] == "CPUExecutionProvider"
        assert "LinearClassifier" in phase.detail["operators"]
        assert phase.detail["preparation"]["duration_s"] > 0
    assert record.model.weights_sha256 == sha256
    assert record.model.parameters >= 650
    assert not (tmp_path / "out" / "model.safetensors").exists()
    checked = measurement("recompute", tmp_path / "out")
    assert checked.returncode == 0, checked.stderr


def permuted(outside):
    """The same classifier with its labels counted backwards, as an output of numbers."""
    model, _ = outside
    return linear(model.coef_.T[:, ::-1])


def test_labels_in_another_order_are_suspected_and_put_right(root, outside, tmp_path):
    sha256 = keep(root, permuted(outside))
    with pytest.raises(BadInput, match="are its outputs in another order") as suspected:
        run(parse_recipe(document(sha256)), tmp_path / "out")
    assert suspected.value.field == "model.output.order"
    assert not (tmp_path / "out" / "record.json").exists()
    record = run(parse_recipe(document(sha256, output={"order": list(range(10))[::-1]})), tmp_path / "right")
    assert record.quality.value > 0.9


def test_outputs_that_are_no_numbers_are_said(root, tmp_path):
    node = onnx.helper.make_node("Log", ["product"], ["outputs"])
    sha256 = keep(root, linear(-np.ones((64, 10)), nodes=[node]))
    with pytest.raises(BadInput, match="gives NaN or infinity for") as refused:
        run(parse_recipe(document(sha256)), tmp_path / "out")
    assert refused.value.field == "model.output"


class Small(nn.Module):
    """A convolutional network that takes an image's channels last, as bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))

    def forward(self, images):
        return self.layers(images.permute(0, 3, 1, 2).float() / 255)


@pytest.mark.parametrize("fixed", [True, False])
def test_images_are_prepared_as_the_recipe_says(root, fixed, tmp_path):
    """Layout, type, scale and crop: the graph's answers equal those of torch on images prepared by hand."""
    torch.manual_seed(0)
    network, path = Small().eval(), tmp_path / "small.onnx"
    example = torch.zeros(1 if fixed else 2, 8, 8, 1, dtype=torch.uint8)
    shapes = None if fixed else ({0: torch.export.Dim("batch")},)
    torch.onnx.export(
        network, (example,), path, dynamo=True, verbose=False, external_data=False, dynamic_shapes=shapes
    )
    sha256 = keep(root, path.read_bytes())
    options = {"input": {"layout": "NHWC", "dtype": "uint8", "resize": 12}}
    recipe = parse_recipe(document(sha256, **options))
    from measurement.networks.onnx_network import brought

    images = DIGITS.load_test(12).first(5)[0]
    graph = brought(recipe.model, DIGITS, images.device)
    assert graph.most == (1 if fixed else None)
    with deployed(recipe, DIGITS, graph, images) as deployment, torch.inference_mode():
        pixels = (images[..., 2:10, 2:10] * PIXEL_STD + PIXEL_MEAN) * 255
        expected = network(pixels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1))
        torch.testing.assert_close(deployment.evaluated()(images), expected, rtol=1e-4, atol=1e-4)


def test_the_same_network_gives_the_same_answers_in_either_runtime(tmp_path):
    by_runtime = {}
    for runtime in ("torch", "onnxruntime"):
        recipe = tiny_recipe(inference={"runtime": runtime, "scenarios": ["single_stream"]})
        by_runtime[runtime] = run(recipe, tmp_path / runtime)
    plain, other = by_runtime["torch"], by_runtime["onnxruntime"]
    assert plain.recipe.work_sha256 != other.recipe.work_sha256
    assert plain.model.weights_sha256 == other.model.weights_sha256
    assert plain.quality.value == pytest.approx(other.quality.value, abs=0.01)
    assert other.phases[-1].detail["threads"] == torch.get_num_threads()


RUNTIME_DIFFERENCE = 3.0
"""By how much the joules of a runtime may be above the other's: docs/own-models.md says what was found."""
TURNS, BATCHES = 6, 3


def test_the_same_network_costs_the_same_in_either_runtime_but_for_the_stated_difference():
    """Joules are estimates from this process's processor time, metered in turns: other work on the machine slows both
    and changes neither by much, and what it changes is in the uncertainties."""
    torch.manual_seed(0)
    network = timm.create_model("resnet18", num_classes=10, in_chans=1).eval()
    images = torch.randn(16, 1, 64, 64)
    networks = {"torch": network, "onnxruntime": OnnxNetwork(to_graph(network, images[:2]), images.device)}
    joules = {name: [] for name in networks}
    with torch.inference_mode(), EnergyMeter.for_device("cpu") as meter:
        outputs = [runs(images) for runs in networks.values()]
        torch.testing.assert_close(*outputs, rtol=1e-3, atol=1e-3)
        for turn in range(TURNS):
            for name, runs in networks.items():
                with meter.window(f"{turn}-{name}") as window:
                    for _ in range(BATCHES):
                        runs(images)
                joules[name].append(window.measurement.energies[Scope.ACCELERATOR].energy_j / (BATCHES * len(images)))
    means = {name: fmean(costs) for name, costs in joules.items()}
    u95 = sum(repeat_uncertainty(costs).u95 for costs in joules.values())
    assert max(means.values()) <= RUNTIME_DIFFERENCE * min(means.values()) + u95, joules
