"""Models made outside the project: small ONNX graphs for the digits, good and bad."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PIXELS, CLASSES = 64, 10
FLOAT = TensorProto.FLOAT


def linear(
    weights: np.ndarray | None = None,
    *,
    batch: int | str = "batch",
    classes: int = CLASSES,
    nodes: list[Any] | None = None,
    outputs: dict[str, int] | None = None,
    opset: int = 17,
    domain: str = "",
) -> onnx.ModelProto:
    """`outputs = images · weights` for 64 pixels in a row; `nodes` go between the two."""
    given = np.zeros((PIXELS, classes)) if weights is None else weights
    product = helper.make_node("MatMul", ["images", "weights"], ["product" if nodes else "outputs"])
    graph = helper.make_graph(
        [product, *(nodes or [])],
        "linear",
        [helper.make_tensor_value_info("images", FLOAT, [batch, PIXELS])],
        [
            helper.make_tensor_value_info(name, kind, [batch, classes] if kind == FLOAT else [batch, 1])
            for name, kind in (outputs or {"outputs": FLOAT}).items()
        ],
        [numpy_helper.from_array(given.astype(np.float32), "weights")],
    )
    domains = [helper.make_opsetid(name, version) for name, version in {"": opset, domain or "": opset}.items()]
    return helper.make_model(graph, opset_imports=domains, ir_version=8)


def keep(root: Path, content: bytes | onnx.ModelProto) -> str:
    """Put a file among the artifacts of a data root; its SHA-256."""
    if not isinstance(content, bytes):
        content = content.SerializeToString()
    sha256 = hashlib.sha256(content).hexdigest()
    (root / "artifacts").mkdir(parents=True, exist_ok=True)
    (root / "artifacts" / sha256).write_bytes(content)
    return sha256


def document(sha256: str, **model: Any) -> dict[str, Any]:
    """A recipe that runs the file on the digits as rows of 64 numbers from 0 to 16, as scikit-learn has them."""
    return {
        "schema_version": 1,
        "method": {"title": "A model from outside", "family": "compact"},
        "track": "digits",
        "model": {
            "format": "onnx",
            "sha256": sha256,
            "resolution": 8,
            "input": {"layout": "flat", "scale": 16},
        }
        | model,
        "phases": [{"phase": "train", "technique": "declared"}],
        "inference": {"runtime": "onnxruntime", "max_batch_size": 16},
    }
