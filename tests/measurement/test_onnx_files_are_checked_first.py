"""An ONNX file that can't be run as its recipe says is refused before it is metered, by field and with a remedy."""

import random

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from measurement import artifacts
from measurement.documents import DocumentError
from measurement.errors import BadInput, DataMissing
from measurement.networks.onnx_file import try_onnx_file
from measurement.recipe import parse_recipe
from measurement.tracks import TRACKS
from tests.measurement.onnx_models import FLOAT, document, keep, linear

SOFTMAX = helper.make_node("Softmax", ["product"], ["outputs"], axis=1)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
    return tmp_path


def tried(root, content, **changes):
    limits = {name: changes.pop(name) for name in ("cpu_s", "memory_bytes") if name in changes}
    recipe = parse_recipe(document(keep(root, content), **changes))
    path = artifacts.path(recipe.model.sha256)
    return try_onnx_file(path, recipe.model, TRACKS["digits"], **limits)


def refusal(root, content, **changes):
    with pytest.raises(BadInput) as refused:
        tried(root, content, **changes)
    return refused.value.field, str(refused.value)


def endless():
    """A loop of 2⁶³ rounds."""
    name = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Tanh", ["carried"], ["carry"]),
        ],
        "body",
        [
            name("round", TensorProto.INT64, []),
            name("go", TensorProto.BOOL, []),
            name("carried", FLOAT, None),
        ],
        [name("on", TensorProto.BOOL, []), name("carry", FLOAT, None)],
    )
    most = numpy_helper.from_array(np.array(2**63 - 1, dtype=np.int64))
    return [
        helper.make_node("Constant", [], ["most"], value=most),
        helper.make_node("Loop", ["most", "", "product"], ["outputs"], body=body),
    ]


def external():
    model = linear()
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return model


def huge():
    """Asks for 400 GB of memory by a shape in a few bytes."""
    shape = numpy_helper.from_array(np.array([100_000, 1_000_000], dtype=np.int64))
    return [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("ConstantOfShape", ["shape"], ["much"]),
        helper.make_node("ReduceSum", ["much"], ["sum"], keepdims=0),
        helper.make_node("Add", ["product", "sum"], ["outputs"]),
    ]


def second_input():
    model = linear()
    model.graph.input.append(helper.make_tensor_value_info("mask", FLOAT, [1]))
    return model


def with_function():
    model = linear()
    model.functions.append(
        helper.make_function("", "Own", ["x"], ["y"], [helper.make_node("Neg", ["x"], ["y"])], model.opset_import)
    )
    return model


FAULTS = {
    "no ONNX at all": (b"\x00\x01PK not a model", {}, "model.sha256", "not an ONNX file"),
    "an empty file": (b"", {}, "model.sha256", "no graph"),
    "half of a file": (linear().SerializeToString()[:900], {}, "model.sha256", "export it again"),
    "numbers in another file": (external(), {}, "model.sha256", "save_as_external_data=False"),
    "somebody's operator": (
        linear(nodes=[helper.make_node("Own", ["product"], ["outputs"], domain="com.example")], domain="com.example"),
        {},
        "model.sha256",
        "uses operators of 'com.example', such as Own",
    ),
    "a function of its own": (with_function(), {}, "model.sha256", "inline_local_functions"),
    "an unknown operator": (
        linear(nodes=[helper.make_node("Nonesuch", ["product"], ["outputs"])]),
        {},
        "model.sha256",
        "Nonesuch",
    ),
    "an opset of the future": (linear(opset=999), {}, "model.sha256", "is of opset 999"),
    "a fixed batch": (linear(batch=8), {}, "model.sha256", "dynamic first dimension"),
    "two inputs": (second_input(), {}, "model.sha256", "has 2 inputs"),
    "more memory than there is": (linear(nodes=huge()), {}, "model.sha256", ""),
    "a loop without end": (linear(nodes=endless()), {"cpu_s": 2}, "model.sha256", "loop that does not end"),
    "another number of classes": (linear(classes=7), {}, "model.output", "needs 1 x 10"),
    "images of another shape": (linear(), {"resolution": 16}, "model.resolution", "change model.resolution"),
    "another layout": (linear(), {"input": {"layout": "NHWC"}}, "model.input.layout", "is NHWC"),
    "another type": (
        linear(),
        {"input": {"layout": "flat", "dtype": "uint8"}},
        "model.input.dtype",
        "is tensor(float)",
    ),
    "no output of that name": (linear(), {"output": {"name": "labels"}}, "model.output.name", "it has outputs"),
    "outputs that are no probabilities": (
        linear(),
        {"output": {"kind": "softmax"}},
        "model.output.kind",
        "kind: logits",
    ),
    "labels for outputs": (
        linear(
            nodes=[helper.make_node("ArgMax", ["product"], ["outputs"], axis=1)],
            outputs={"outputs": TensorProto.INT64},
        ),
        {},
        "model.output.name",
        "tensor(int64)",
    ),
    "several outputs": (
        linear(
            nodes=[SOFTMAX, helper.make_node("Neg", ["product"], ["others"])],
            outputs={"outputs": FLOAT, "others": FLOAT},
        ),
        {},
        "model.output.name",
        "name the one with the classes: outputs, others",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_can_not_be_run_is_refused_by_field_with_a_remedy(root, what):
    content, changes, field, words = FAULTS[what]
    found, message = refusal(root, content, **changes)
    assert (found, words in message) == (field, True), message


def test_a_good_file_is_described(root):
    facts = tried(root, linear(nodes=[SOFTMAX]), output={"kind": "softmax"})
    assert (facts.input, facts.output, facts.most, facts.parameters) == ("images", "outputs", None, 640)
    assert facts.detail["operators"] == {"MatMul": 1, "Softmax": 1}
    assert facts.detail["opset"] == 17
    assert tried(root, linear(batch=1)).most == 1


def test_mutated_files_are_run_or_refused_and_never_crash_without_a_message(root):
    """Bits, cuts and repeats in a real file: each ends in facts or in a sentence for a field of the recipe."""
    draw = random.Random(20261130)
    whole = linear(np.random.default_rng(0).normal(size=(64, 10)), nodes=[SOFTMAX]).SerializeToString()
    structure = [*range(80), *range(len(whole) - 160, len(whole))]  # of whose 3 kB most are weights
    refused = []
    for _ in range(12):
        mutant = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            mutant[draw.choice(structure)] = draw.randrange(256)
        if draw.random() < 0.3:
            del mutant[draw.randrange(len(mutant)) :]
        try:
            tried(root, bytes(mutant))
        except BadInput as error:
            refused.append((error.field, str(error)))
    assert refused
    assert all(field.startswith("model.") and len(message) > 20 for field, message in refused), refused


@pytest.mark.parametrize(
    ("there", "words"), [(None, "copy the file into artifacts/"), (b"other content", "has other content")]
)
def test_a_file_that_is_not_here_or_another_is_said(root, there, words):
    if there is not None:
        (root / "artifacts").mkdir()
        (root / "artifacts" / ("a" * 64)).write_bytes(there)
    with pytest.raises(DataMissing, match=words) as missing:
        artifacts.path("a" * 64)
    assert missing.value.field == "model.sha256"


MODEL = document("a" * 64)["model"]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"inference": {}}, "inference.runtime", "write `runtime: onnxruntime`"),
        (
            {"phases": [{"phase": "train", "technique": "supervised", "epochs": 1}]},
            "phases.0.technique",
            "not trained here",
        ),
        ({"phases": [{"phase": "pretrain", "technique": "declared"}]}, "phases", "declare the training"),
        ({"model": MODEL | {"output": {"order": [1, 0]}}}, "model.output.order", "has 10 classes"),
        ({"model": MODEL | {"output": {"order": [0] * 10}}}, "model.output", "each class"),
        ({"model": MODEL | {"input": {"mean": [0.5, 0.5]}}}, "model.input.mean", "has 1 channel"),
        ({"model": MODEL | {"input": {"dtype": "uint8", "scale": 255}}}, "model.input", "leave out scale"),
        ({"model": MODEL | {"input": {"resize": 8}, "resolution": 16}}, "model", "must be at least"),
        ({"model": {"format": "torch_export"}}, "model", "a pickle may run any code"),
        (
            {"model": {"architecture": "resnet10t", "resolution": 32}, "inference": {}},
            "phases.0.phase",
            "is run by the worker",
        ),
    ],
)
def test_recipes_that_do_not_fit_a_file_are_refused(changes, field, words):
    with pytest.raises(DocumentError) as refused:
        parse_recipe(document("a" * 64) | changes)
    [fault] = refused.value.faults
    assert (fault.field, words in fault.message) == (field, True), fault
