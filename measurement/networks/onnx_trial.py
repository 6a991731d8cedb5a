"""Tries an ONNX file in a process of its own: reads, checks and runs it once, and prints what it found as JSON.

The file is somebody's, and its readers are C++: what crashes, hangs or eats memory here harms nothing. Without torch,
so that it starts quickly. `measurement.networks.onnx_file` starts it and reads its answer.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

FILE = "model.sha256"
STANDARD = ("", "ai.onnx", "ai.onnx.ml")
INPUT_TYPES = {"float32": "tensor(float)", "float16": "tensor(float16)", "uint8": "tensor(uint8)"}
OUTPUT_TYPES = ("tensor(float)", "tensor(float16)", "tensor(double)")
MOST_BYTES = 2**31 - 1
SUM_TOLERANCE = 0.01


class Refused(Exception):
    """What is wrong with the file, for `field` of the recipe."""

    def __init__(self, message: str, field: str = FILE) -> None:
        super().__init__(message)
        self.field = field


def main() -> None:
    """Answer on standard output; the question is one JSON object on standard input."""
    asked = json.loads(sys.stdin.read())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (asked["memory_bytes"],) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu_s"], asked["cpu_s"] + 5))
    # Libraries write to standard output too, from C++.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        answer = tried(Path(asked["path"]), asked)
    except Refused as fault:
        answer = {"refused": str(fault), "field": fault.field}
    except MemoryError:
        answer = {"refused": "needs more memory than this worker gives a model; use a smaller one", "field": FILE}
    print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)  # what a broken file leaves behind may crash at the end


def tried(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Facts about a file that can be run as asked. Raises Refused."""
    content = path.read_bytes()
    if len(content) > MOST_BYTES:
        raise Refused(
            f"has {len(content):,} bytes, and an ONNX file may have at most {MOST_BYTES:,}; use a smaller model"
        )
    model = _parsed(content)
    _check_form(model)
    facts = _facts(model)
    _check_by_onnx(model)
    return facts | _run(content, asked)


def _parsed(content: bytes) -> Any:
    import onnx

    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's own, by implementation
        raise Refused(f"is not an ONNX file, or only a part of one ({_first_line(error)}); export it again") from None
    if not model.HasField("graph") or not model.graph.node:
        raise Refused("is not an ONNX file with a network: it has no graph; export it again")
    return model


def _check_form(model: Any) -> None:
    """What the file may not have, and what this machine can't read."""
    import onnx

    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise Refused(
                f"keeps the numbers of {tensor.name[:80]!r} in another file; save it in one file, with "
                "save_as_external_data=False"
            )
    if model.functions:
        raise Refused(
            f"has a function of its own, {model.functions[0].name[:80]!r}; inline it with "
            "onnx.inliner.inline_local_functions"
        )
    domains = {opset.domain for opset in model.opset_import} | {node.domain for node in _nodes(model.graph)}
    if foreign := sorted(domains - set(STANDARD)):
        operators = sorted({node.op_type for node in _nodes(model.graph) if node.domain in foreign})
        if operators:
            raise Refused(
                f"uses operators of {foreign[0][:80]!r}, such as {operators[0][:80]}; only ONNX's own are run: "
                "export it with standard operators, a quantized one in the QDQ format"
            )
    known = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in {"", "ai.onnx"} and opset.version > known:
            raise Refused(
                f"is of opset {opset.version}, and this worker knows up to {known}; export it with an older one"
            )
    if model.ir_version > onnx.IR_VERSION:
        raise Refused(
            f"is of ONNX's format version {model.ir_version}, and this worker reads up to {onnx.IR_VERSION}; export "
            "it with an older version of onnx"
        )


def _check_by_onnx(model: Any) -> None:
    import onnx

    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # the checker's and shape inference's own, and what a broken file leads to
        raise Refused(f"is faulty, says onnx.checker: {_first_line(error)}; export it again") from None


def _facts(model: Any) -> dict[str, Any]:
    operators = Counter(node.op_type for node in _nodes(model.graph))
    return {
        "opset": max((item.version for item in model.opset_import if item.domain in {"", "ai.onnx"}), default=None),
        "ir_version": model.ir_version,
        "producer": f"{model.producer_name} {model.producer_version}".strip()[:100],
        "operators": dict(operators.most_common(200)),
        "parameters": sum(prod(tensor.dims) for tensor in _tensors(model.graph))
        + sum(len(attribute.floats) for node in _nodes(model.graph) for attribute in node.attribute),
    }


def _run(content: bytes, asked: dict[str, Any]) -> dict[str, Any]:
    import numpy as np
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a dozen of its own
        raise Refused(f"can't be loaded by ONNX Runtime {onnxruntime.__version__}: {_first_line(error)}") from None
    shape, batch = _input(session.get_inputs(), asked)
    name = _output(session.get_outputs(), asked)
    draw = np.random.default_rng(0)
    for count in [batch] if batch else [1, 3]:
        images = draw.random((count, *shape), dtype=np.float32) * (255 if asked["dtype"] == "uint8" else 1)
        try:
            outputs = session.run([name], {session.get_inputs()[0].name: images.astype(asked["dtype"])})[0]
        except Exception as error:  # as above
            alone = "; it takes one image alone: export it with a dynamic first dimension" if count > 1 else ""
            raise Refused(
                f"can't be run on {count} image(s) of {_shape(shape)}: {_first_line(error)}{alone}"
            ) from None
        wanted = (count, *asked["outputs"])
        if tuple(outputs.shape) != wanted:
            raise Refused(
                f"output {name!r} is {_shape(outputs.shape)} for {count} image(s), and track {asked['track']} needs "
                f"{_shape(wanted)}: a number for each class; name another output, or export one that is",
                "model.output",
            )
        if asked["kind"] == "softmax" and not _is_probability(outputs.astype("float64")):
            raise Refused(
                "is softmax, but the outputs are no probabilities that add up to 1; write `kind: logits`",
                "model.output.kind",
            )
    return {"input": session.get_inputs()[0].name, "output": name, "most": batch}


def _input(inputs: list[Any], asked: dict[str, Any]) -> tuple[tuple[int, ...], int | None]:
    """The shape of an image, and the batch if the graph has a fixed one. Raises Refused."""
    if len(inputs) != 1:
        names = ", ".join(item.name for item in inputs[:5]) or "none"
        raise Refused(f"has {len(inputs)} inputs ({names}), and only one is given: the images; export it with one")
    given, wanted = inputs[0], tuple(asked["images"])
    if given.type != INPUT_TYPES[asked["dtype"]]:
        raise Refused(
            f"is {asked['dtype']}, and the graph's input {given.name!r} is {given.type}; change one of them",
            "model.input.dtype",
        )
    dimensions = list(given.shape or ())
    if dimensions and len(dimensions) != 1 + len(wanted):
        raise Refused(
            f"is {asked['layout']}, images of {_shape(wanted)}, and the graph's input {given.name!r} is "
            f"{_shape(dimensions)}",
            "model.input.layout",
        )
    for dimension, needed in zip(dimensions[1:], wanted, strict=False):
        if isinstance(dimension, int) and dimension != needed:
            raise Refused(
                f"the graph's input {given.name!r} is {_shape(dimensions)}, and images are {_shape(wanted)} after "
                "the number of images; change model.resolution or model.input.layout",
                "model.resolution",
            )
    batch = dimensions[0] if dimensions and isinstance(dimensions[0], int) else None
    if batch is not None and batch != 1:
        raise Refused(
            f"takes batches of exactly {batch} images, and one at a time is measured too; export it with a dynamic "
            "first dimension"
        )
    return wanted, batch


def _output(outputs: list[Any], asked: dict[str, Any]) -> str:
    names = [item.name for item in outputs]
    listed = ", ".join(names[:10])
    name = asked["output"]
    if name is None and len(outputs) != 1:
        raise Refused(
            f"the graph has {len(outputs)} outputs; name the one with the classes: {listed}", "model.output.name"
        )
    chosen = outputs[0] if name is None else next((item for item in outputs if item.name == name), None)
    if chosen is None:
        raise Refused(f"the graph has no output {name!r}; it has {listed}", "model.output.name")
    if chosen.type not in OUTPUT_TYPES:
        raise Refused(
            f"output {chosen.name!r} is {chosen.type}, and a tensor of a number for each class is needed; name "
            f"another of {listed}, or export without ZipMap (skl2onnx: options={{'zipmap': False}})",
            "model.output.name",
        )
    return str(chosen.name)


def _is_probability(outputs: Any) -> bool:
    sums = outputs.sum(axis=1)
    return bool((outputs >= -SUM_TOLERANCE).all() and (abs(sums - 1) <= SUM_TOLERANCE).all())


def _graphs(graph: Any) -> Iterator[Any]:
    """The graph and those inside its nodes; a loop instead of recursion, which a deep file could exhaust."""
    left = [graph]
    while left:
        found = left.pop()
        yield found
        for node in found.node:
            for attribute in node.attribute:
                left += [attribute.g] if attribute.HasField("g") else []
                left += attribute.graphs


def _nodes(graph: Any) -> Iterator[Any]:
    for found in _graphs(graph):
        yield from found.node


def _tensors(graph: Any) -> Iterator[Any]:
    for found in _graphs(graph):
        yield from found.initializer
        for sparse in found.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for node in found.node:
            for attribute in node.attribute:
                yield from [attribute.t] if attribute.HasField("t") else []
                yield from attribute.tensors
                own = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
                for sparse in [*own, *attribute.sparse_tensors]:
                    yield from (sparse.values, sparse.indices)


def _shape(dimensions: Any) -> str:
    return " x ".join(str(dimension) for dimension in dimensions) or "one number"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


if __name__ == "__main__":
    main()
