"""What has not the form of its kind is refused in words, whatever it is; nothing is stored and nothing breaks.

FUZZED_ARTIFACTS sets how many are tried (5,000 for the issue's acceptance).
"""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import onnx
import pytest
import safetensors.numpy
from django.test import TestCase
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from leaderboard.models import Artifact, Upload
from tests.artifacts.making import safetensors as made
from tests.artifacts.making import upload, weights
from tests.artifacts.test_files_are_uploaded_in_parts import errors, files
from tests.tiers import ON_POSTGRESQL

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
# A file is read before any database is asked.
FUZZED = int(os.environ.get("FUZZED_ARTIFACTS", "30" if ON_POSTGRESQL else "300"))
ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (made(b"{}", length=30 * 10**9), "header has 30,000,000,000 bytes, but the file has 10"),
        (made(b"{}", length=2**64 - 1), "but the file has 10"),
        (b"\x02", "too few"),
        (made(b"[]"), r"does not begin with {"),
        (b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.", "cut off, or is no safetensors file"),
        (made(b"{" + b" " * 9_000_000), "header of 9,000,001 bytes"),
        (made(b'{"a":' * 100_000), "nested too deeply|can't be read"),
        (made(b'{"a": 1, "a": 2}'), "twice"),
        (made(b'{"a": NaN}'), "NaN"),
        (made(b'{"a": ' + b"9" * 5000 + b"}"), "can't be read as JSON"),
        (made(b'{"\xff": 1}'), "can't be read as JSON"),
        (made({}), "holds no tensor"),
        (made({"w": ONE | {"data_offsets": [0, 8]}}, bytes(8)), "span 8 bytes, its shape needs 4"),
        (made({"w": ONE | {"shape": [2**40, 2**40]}}, bytes(4)), "its shape needs"),
        (made({"w": ONE | {"shape": [-1]}}, bytes(4)), "whole numbers from 0"),
        (made({"w": ONE | {"shape": [1.0]}}, bytes(4)), "whole numbers from 0"),
        (made({"w": ONE | {"shape": [True]}}, bytes(4)), "whole numbers from 0"),
        (made({"w": ONE | {"dtype": "OBJECT"}}, bytes(4)), "'OBJECT'; use one of"),
        (made({"w": ONE | {"dtype": None}}, bytes(4)), "None; use one of"),
        (made({"w": ONE | {"data_offsets": [4, 8]}}, bytes(4)), "ends at byte 8 of 4"),
        (made({"w": ONE | {"data_offsets": [4, 8]}}, bytes(8)), "4 bytes between 'the header' and 'w'"),
        (made({"w": ONE, "v": ONE}, bytes(4)), "'v' and 'w' overlap|'w' and 'v' overlap"),
        (made({"w": ONE}, bytes(5)), "1 bytes between 'w' and 'the end'"),
        (made({"w": ONE | {"file": "/etc/passwd"}}, bytes(4)), "nothing else"),
        (made({"w": 7}), "needs dtype, shape"),
        (made({"w": ONE, "__metadata__": {"a": 1}}, bytes(4)), "__metadata__"),
        (made({"w": ONE, "__metadata__": []}, bytes(4)), "__metadata__"),
    ],
)
def test_what_is_no_safetensors_is_refused(by_alice, folder, content, message):
    answer = upload(by_alice, content)
    assert answer.status_code == 400
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(errors(answer)["file"])
    assert (Upload.objects.count(), Artifact.objects.count(), files(folder)) == (0, 0, [])


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int64", "float64", "bool", "complex64"])
def test_what_the_library_writes_is_taken(by_alice, dtype):
    tensors = {"a": np.ones((2, 3), dtype), "b": np.ones((), dtype), "c": np.ones((0, 4), dtype)}
    content = safetensors.numpy.save(tensors, {"format": "pt"})
    answer = upload(by_alice, content)
    assert (answer.status_code, answer.json()["found"]["parameters"]) == (200, 7)


def network(**more: Any) -> onnx.ModelProto:
    """One matrix product of 4 numbers by 3."""
    weight = numpy_helper.from_array(np.ones((4, 3), "float32"), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph([node], "g", [x], [y], [weight])
    return helper.make_model(graph, opset_imports=more.pop("opsets", [helper.make_opsetid("", 17)]), **more)


def with_custom_operator() -> onnx.ModelProto:
    model = network(opsets=[helper.make_opsetid("", 17), helper.make_opsetid("evil.corp", 1)])
    model.graph.node[0].domain = "evil.corp"
    return model


def with_hidden_custom_operator() -> onnx.ModelProto:
    """In the body of a branch."""
    inner = helper.make_graph([helper.make_node("Run", [], ["z"], domain="evil.corp")], "inner", [], [])
    model = network()
    model.graph.node.append(helper.make_node("If", ["x"], ["z"], then_branch=inner, else_branch=inner))
    return model


def with_external_data(in_attribute: bool = False) -> onnx.ModelProto:
    model = network()
    tensor = model.graph.initializer[0]
    if in_attribute:
        constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(3, "float32"), "c"))
        model.graph.node.insert(0, constant)
        tensor = model.graph.node[0].attribute[0].t
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return model


def with_function() -> onnx.ModelProto:
    model = network()
    opsets = [helper.make_opsetid("", 17)]
    body = [helper.make_node("Identity", ["a"], ["b"])]
    model.functions.append(helper.make_function("mine", "F", ["a"], ["b"], body, opsets))
    return model


def unsorted() -> onnx.ModelProto:
    model = network()
    model.graph.node[0].input[0] = "nowhere"
    return model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (with_custom_operator, "domain evil.corp"),
        (with_hidden_custom_operator, "operator Run of the domain evil.corp"),
        (with_external_data, "keeps the tensor w in another file"),
        (lambda: with_external_data(in_attribute=True), "keeps the tensor c in another file"),
        (with_function, "functions of its own"),
        (unsorted, "no valid ONNX model"),
        (
            lambda: network(opsets=[helper.make_opsetid("", 10_000)]),
            "opset 10000 of ai.onnx; export it with an opset",
        ),
        (lambda: network(opsets=[]), "no valid ONNX model"),
        (lambda: onnx.ModelProto(ir_version=9), "no node"),
        (lambda: b"not a model", "no ONNX model"),
        (lambda: weights(1.0), "no ONNX model"),
    ],
)
def test_what_is_no_plain_onnx_is_refused(by_alice, folder, model, message):
    content = model()
    content = content if isinstance(content, bytes) else content.SerializeToString() or b"\x00"
    answer = upload(by_alice, content, kind="onnx")
    assert (answer.status_code, message in errors(answer)["file"]) == (400, True), errors(answer)
    assert (Upload.objects.count(), files(folder)) == (0, [])


def test_a_model_is_listed_by_its_operators(by_alice):
    found = upload(by_alice, network().SerializeToString(), kind="onnx").json()["found"]
    assert (found["opsets"], found["operators"], found["nodes"]) == ({"ai.onnx": 17}, {"MatMul": 1}, 1)
    assert found["inputs"] == [{"name": "x", "type": "float", "shape": ["n", 4]}]


def mutated(content: bytes, luck: random.Random) -> bytes:
    """Some bytes changed, cut out, doubled or appended."""
    mutable = bytearray(content)
    for _ in range(luck.randint(1, 8)):
        at = luck.randrange(len(mutable) or 1)
        act = luck.randrange(4)
        if act == 0 and mutable:
            mutable[at % len(mutable)] = luck.randrange(256)
        elif act == 1:
            del mutable[at : at + luck.randint(1, 40)]
        elif act == 2:
            mutable[at:at] = mutable[at : at + luck.randint(1, 40)]
        else:
            mutable += luck.randbytes(luck.randint(1, 9))
    return bytes(mutable) or b"\x00"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "I8", "BF16", "F4", ""]) | JSON,
        "shape": st.lists(st.integers(-2, 2**63), max_size=3) | JSON,
        "data_offsets": st.lists(st.integers(-2, 2**63), max_size=3) | JSON,
    }
)
HEADER = st.dictionaries(st.text() | st.just("__metadata__"), ENTRY | JSON, max_size=4)
FILE = st.builds(
    made, HEADER | JSON | st.binary(max_size=60), st.binary(max_size=40), st.none() | st.integers(0, 2**64 - 1)
)
KINDS = st.sampled_from(["safetensors"] * 15 + ["onnx"])  # a model is checked by a process of its own


def check(client: Any, folder: Any, content: bytes, kind: str) -> None:
    """Stored as it is or refused in words: nothing else, and nothing elsewhere."""
    answer = upload(client, content, kind)
    assert answer.status_code in (200, 400), (answer.status_code, kind, content)
    if answer.status_code == 400:
        assert errors(answer).get("file"), (kind, content)
    else:
        assert by_library(content, kind), content
        with TestCase.captureOnCommitCallbacks(execute=True):
            assert client.delete(f"/api/v1/artifacts/{answer.json()['id']}").status_code == 204
    assert files(folder) == []


def by_library(content: bytes, kind: str) -> bool:
    """Whether the format's own library can read it."""
    if kind == "onnx":
        onnx.checker.check_model(onnx.load_model_from_string(content))
    else:
        safetensors.deserialize(content)
    return True


@settings(max_examples=FUZZED // 2, suppress_health_check=list(HealthCheck))
@given(content=FILE | st.binary(min_size=1, max_size=200), kind=KINDS)
def test_made_up_files(by_alice, folder, content, kind):
    check(by_alice, folder, content or b"\x00", kind)


def test_real_files_that_were_changed(by_alice, folder):
    luck = random.Random(15)
    tensors = {f"layer.{number}": np.full((number, 3), 0.5, "float32") for number in range(1, 6)}
    weights_file, model = safetensors.numpy.save(tensors, {"format": "pt"}), network().SerializeToString()
    for number in range(FUZZED - FUZZED // 2):
        content, kind = (model, "onnx") if number % 16 == 0 else (weights_file, "safetensors")
        check(by_alice, folder, mutated(content, luck), kind)
