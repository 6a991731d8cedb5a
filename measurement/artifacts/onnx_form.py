"""Whether a file has the form of an ONNX model. Run as a program, with limits, since the library's parser is C++:

    python -m measurement.artifacts.onnx_form FILE

prints one line of JSON: {"found": …}, or {"fault": …} with what is wrong. Needs the package onnx; runs no model.
"""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measurement.errors import BadInput

STANDARD = ("", "ai.onnx", "ai.onnx.ml")
"""The domains of ONNX's own operators; the first two are one."""
MOST_NODES = 200_000
MOST_NAMES = 64
LONGEST_NAME = 80
MOST_MEMORY_BYTES = 4 * 2**30
MOST_CPU_S = 60


def check_onnx(path: Path) -> dict[str, Any]:
    """Opset of each domain, how often each operator is there, inputs and outputs with types and shapes.

    Raises BadInput for what is no model, refers to other files, has operators that are not ONNX's own, or is too new.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # has no types

    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except (DecodeError, ValueError):
        raise BadInput("is no ONNX model; export it again, e.g. with torch.onnx.export") from None
    if not model.graph.node:
        raise BadInput("is no ONNX model with operators: its graph has no node")
    _check_self_contained(model)
    opsets = _opsets(model)
    nodes = list(_nodes(model.graph))
    if len(nodes) > MOST_NODES:
        raise BadInput(f"has more than {MOST_NODES:,} operators; simplify the graph")
    for node in nodes:
        if node.domain not in STANDARD:
            raise BadInput(
                f"uses the operator {_shown(node.op_type)} of the domain {_shown(node.domain)}; only ONNX's own are "
                f"run (domains ai.onnx and ai.onnx.ml): export it without custom operators"
            )
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise BadInput(f"is no valid ONNX model: {_shown(str(error).strip().splitlines()[0], 300)}") from None
    operators = Counter(node.op_type for node in nodes)
    return {
        "ir_version": model.ir_version,
        "opsets": opsets,
        "operators": {_shown(name): count for name, count in operators.most_common(MOST_NAMES)},
        "inputs": [_value(value) for value in model.graph.input[:MOST_NAMES]],
        "outputs": [_value(value) for value in model.graph.output[:MOST_NAMES]],
        "nodes": len(nodes),
    }


def _check_self_contained(model: Any) -> None:
    from onnx import TensorProto

    if model.functions:
        named = _shown(f"{model.functions[0].domain}.{model.functions[0].name}")
        raise BadInput(f"defines functions of its own ({named}); inline them with onnx.inliner before uploading")
    for tensor in _tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise BadInput(
                f"keeps the tensor {_shown(tensor.name)} in another file; save the model in one file "
                "(save_as_external_data=False)"
            )


def _opsets(model: Any) -> dict[str, int]:
    import onnx

    found: dict[str, int] = {}
    for opset in model.opset_import:
        domain = opset.domain or "ai.onnx"
        if domain not in STANDARD:
            raise BadInput(
                f"imports operators of the domain {_shown(domain)}; only ONNX's own are run (ai.onnx, ai.onnx.ml): "
                "export it without custom operators"
            )
        newest = onnx.defs.onnx_opset_version() if domain == "ai.onnx" else onnx.defs.onnx_ml_opset_version()
        if not 1 <= opset.version <= newest:
            raise BadInput(f"has opset {opset.version} of {domain}; export it with an opset from 1 to {newest}")
        found[domain] = opset.version
    return found


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield from _nodes(inner)


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor in a message, wherever it is."""
    from onnx import TensorProto

    if isinstance(message, TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            try:
                inner = iter(value)
            except TypeError:
                inner = iter([value])
            for part in inner:
                yield from _tensors(part)


def _value(value: Any) -> dict[str, Any]:
    """An input or output: name, type of its numbers, and shape, whose dimensions are a number, a name or null."""
    import onnx

    tensor = value.type.tensor_type
    shape: list[int | str | None] = []
    for dimension in tensor.shape.dim[:16]:
        kind = dimension.WhichOneof("value")
        shape.append(
            None if kind is None else dimension.dim_value if kind == "dim_value" else _shown(dimension.dim_param)
        )
    known = tensor.elem_type in onnx.TensorProto.DataType.values()
    return {
        "name": _shown(value.name),
        "type": onnx.TensorProto.DataType.Name(tensor.elem_type).lower() if known else "unknown",
        "shape": shape,
    }


def _shown(text: str, most: int = LONGEST_NAME) -> str:
    """A name out of the file: of bounded length, and without what can't be seen."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:most])


def main(path: str) -> None:
    """Print what was found, or the fault, within limits of memory and time; it can write no file."""
    limits = {"AS": MOST_MEMORY_BYTES, "CPU": MOST_CPU_S, "FSIZE": 0, "CORE": 0}
    for name, most in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    try:
        answer = {"found": check_onnx(Path(path))}
    except BadInput as error:
        answer = {"fault": str(error)}  # type: ignore[dict-item]
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
