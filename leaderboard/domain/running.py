"""How a network is run while it is measured: what a reader can choose by."""

PRECISIONS = {"float32": "float32", "bfloat16": "bfloat16", "float16": "float16"}
RUNTIMES = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime"}
COMPILED = {"yes": "compiled", "no": "not compiled"}
RUN_AS = {"precision": PRECISIONS, "runtime": RUNTIMES, "compiled": COMPILED}
"""The facets, each with its values and their labels. A published result has none: its source has other words."""
