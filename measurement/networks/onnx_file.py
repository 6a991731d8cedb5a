"""An ONNX file that somebody has brought: tried in a process of its own before it is run. No torch at import."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measurement.errors import BadInput, MeasurementError
from measurement.networks import onnx_trial
from measurement.recipe import OnnxModel
from measurement.tracks import Track

CPU_S = 120
"""Processor time for reading, checking and a few images."""
WALL_S = 1800
"""More than that much work needs on the busiest machine: it ends what waits and does not compute."""
MEMORY_BYTES = 8 * 2**30


@dataclass(frozen=True, slots=True)
class OnnxFacts:
    """What is known of a file after it was tried. most: the largest batch that it takes; None: any.

    detail: for the record: opset, producer, operators with their number.
    """

    input: str
    output: str
    most: int | None
    parameters: int
    detail: dict[str, Any]


def try_onnx_file(
    path: Path, model: OnnxModel, track: Track, *, cpu_s: int = CPU_S, memory_bytes: int = MEMORY_BYTES
) -> OnnxFacts:
    """Check a file and run it on a few images of noise. Raises BadInput naming the recipe's field at fault.

    cpu_s, memory_bytes: what that may take.
    """
    question = {
        "path": str(path.resolve()),
        "track": track.slug,
        "images": image_shape(model, track),
        "layout": model.input.layout,
        "dtype": model.input.dtype,
        "output": model.output.name,
        "kind": model.output.kind,
        "outputs": [track.classes, *([model.resolution] * 2 if track.is_dense else [])],
        "cpu_s": cpu_s,
        "memory_bytes": memory_bytes,
    }
    answer = _answer(question, cpu_s)
    if "refused" in answer:
        raise BadInput(answer["refused"], field=answer["field"])
    names = ("opset", "ir_version", "producer", "operators")
    return OnnxFacts(
        input=answer["input"],
        output=answer["output"],
        most=answer["most"],
        parameters=answer["parameters"],
        detail={name: answer[name] for name in names},
    )


def image_shape(model: OnnxModel, track: Track) -> list[int]:
    """One image as the graph takes it."""
    channels, size = track.channels, model.resolution
    return {
        "NCHW": [channels, size, size],
        "NHWC": [size, size, channels],
        "flat": [channels * size * size],
    }[model.input.layout]


def _answer(question: dict[str, Any], cpu_s: int) -> dict[str, Any]:
    # The file's folder is of no use to it, and the worker's variables are not its business.
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH") if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="onnx-") as folder:
        try:
            ended = subprocess.run(
                [sys.executable, "-m", onnx_trial.__name__],
                input=json.dumps(question),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=WALL_S,
                cwd=folder,
                env=kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BadInput(f"a few images took more than {WALL_S} s; {_ENDLESS}", field=onnx_trial.FILE) from None
    try:
        answer: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        raise _crash(ended, cpu_s) from None
    return answer


_ENDLESS = "has it a loop that does not end?"


def _crash(ended: subprocess.CompletedProcess[str], cpu_s: int) -> MeasurementError:
    """What a trial without an answer died of."""
    if "ModuleNotFoundError" in ended.stderr:
        return MeasurementError(
            "onnx and onnxruntime are not installed; run pip install 'full-cycle-energy-leaderboard[worker]'",
            field="inference.runtime",
        )
    number = -ended.returncode
    if number in {signal.SIGXCPU, signal.SIGKILL}:
        return BadInput(
            f"reading it and a few images took more than {cpu_s} s of processor time, or it was killed for its "
            f"memory; {_ENDLESS}",
            field=onnx_trial.FILE,
        )
    if "MemoryError" in ended.stderr or "bad_alloc" in ended.stderr:
        why = "needs more memory than this worker gives a model; use a smaller one"
    elif number > 0:
        why = f"crashes the programs that read it (signal {number}); export it again with newer versions of its tools"
    else:
        last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        why = f"can't be checked: {last[:300]}"
    return BadInput(why, field=onnx_trial.FILE)
