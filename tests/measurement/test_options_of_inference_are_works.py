"""How a network is run is part of its recipe: measured as declared, a work of its own, or refused by name."""

import platform

import pytest
import torch

from measurement.documents import DocumentError
from measurement.errors import BadInput
from measurement.recipe import parse_recipe
from measurement.run.deployment import deployed
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.tracks import TRACKS
from measurement.training.numerics import cpu_has_float16
from tests.measurement.running import BRIEF, TRAIN, tiny_document, tiny_recipe

OPTIONS = {
    "float32": {},
    "bfloat16": {"precision": "bfloat16"},
    "channels last": {"channels_last": True},
    "compiled": {"compile": True},
    "CUDA graphs": {"cuda_graphs": True},
    "compiled, in bfloat16": {"compile": True, "precision": "bfloat16"},
    "ONNX Runtime": {"runtime": "onnxruntime"},
}


def recipe_with(**inference):
    return tiny_recipe(inference={"max_batch_size": 16} | inference)


def run(recipe, out):
    return run_recipe(recipe, out, RunOptions(device="cpu", plan=BRIEF, accept_busy=True))


def test_each_option_makes_another_work():
    works = {recipe_with(**options).work_sha256 for options in OPTIONS.values()}
    assert len(works) == len(OPTIONS)


def test_defaults_written_out_change_no_identity():
    written = {"precision": "float32", "channels_last": False, "compile": False, "cuda_graphs": False}
    short, long = recipe_with(), recipe_with(**written, runtime="torch")
    assert (short.sha256, short.work_sha256) == (long.sha256, long.work_sha256)


@pytest.mark.parametrize(
    ("options", "mark"),
    [
        ({}, ""),
        ({"precision": "bfloat16", "compile": True}, "bf16 · compiled"),
        ({"precision": "float16", "channels_last": True, "cuda_graphs": True}, "fp16 · channels last · CUDA graphs"),
        ({"runtime": "onnxruntime"}, "ONNX Runtime"),
    ],
)
def test_a_short_mark_names_what_differs(options, mark):
    assert recipe_with(**options).inference.mark == mark


@pytest.mark.parametrize(
    ("phases", "inference", "field"),
    [
        ([TRAIN], {"runtime": "onnxruntime", "compile": True}, "inference"),
        ([TRAIN], {"runtime": "onnxruntime", "precision": "bfloat16"}, "inference"),
        ([TRAIN], {"runtime": "tensorflow"}, "inference.runtime"),
        ([TRAIN], {"precision": "float8"}, "inference.precision"),
        (
            [TRAIN, {"phase": "compress", "technique": "quantization", "scheme": "int8_static"}],
            {"precision": "bfloat16"},
            "inference.precision",
        ),
        (
            [{"phase": "train", "technique": "early_exit", "epochs": 1}],
            {"compile": True},
            "inference.compile",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(phases, inference, field):
    with pytest.raises(DocumentError) as refused:
        parse_recipe(tiny_document(*phases, inference=inference))
    assert field in [fault.field for fault in refused.value.faults], refused.value.faults


def test_graphs_of_kernels_need_a_gpu(tmp_path):
    with pytest.raises(BadInput, match="needs an NVIDIA GPU") as refused:
        run(recipe_with(cuda_graphs=True), tmp_path / "out")
    assert refused.value.field == "inference.cuda_graphs"
    assert not (tmp_path / "out" / "record.json").exists()


@pytest.mark.skipif(cpu_has_float16(), reason=f"{platform.processor()} computes in float16")
def test_a_precision_that_the_device_lacks_is_refused_by_name(tmp_path):
    with pytest.raises(BadInput, match="no float16 arithmetic") as refused:
        run(recipe_with(precision="float16"), tmp_path / "out")
    assert refused.value.field == "inference.precision"


def test_images_and_weights_have_the_precision_and_the_network_itself_keeps_its_own():
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.LazyLinear(10)).eval()
    images = torch.randn(3, 1, 8, 8)
    expected = model(images)
    recipe = recipe_with(precision="bfloat16", channels_last=True)
    with deployed(recipe, TRACKS[recipe.track], model, images) as found:
        resident = found.resident(images)
        assert resident.dtype == torch.bfloat16
        assert resident.is_contiguous(memory_format=torch.channels_last)
        assert {tensor.dtype for tensor in found.network.parameters()} == {torch.bfloat16}
        torch.testing.assert_close(found.evaluated()(images).float(), expected, rtol=0.05, atol=0.05)
    assert {tensor.dtype for tensor in model.parameters()} == {torch.float32}


def test_a_recipe_runs_in_another_precision(tmp_path):
    record = run(recipe_with(precision="bfloat16", channels_last=True), tmp_path / "out")
    inference = [phase for phase in record.phases if phase.scenario]
    assert len(inference) == 2
    assert all(phase.detail["preparation"]["duration_s"] >= 0 for phase in inference)
    # Half the bytes of the weights, which are most of what so small a batch takes.
    assert record.recipe.inference.precision == "bfloat16"
    assert 0 <= record.quality.value <= 1
