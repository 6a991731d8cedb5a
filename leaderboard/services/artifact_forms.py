"""Checks an uploaded file's form before anything else is done with it. Nothing of it is run or unpickled.

ONNX is read by a library in C++, and a data set's archive may be large: in a child process with limits, behind the
fence of this machine, so that a file can't harm the site.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from django.conf import settings

from leaderboard.models import ArtifactKind
from measurement.artifacts.safetensors_form import check_safetensors
from measurement.errors import BadInput
from measurement.fence import Fence, FenceLimits, Sandbox, make_fence

MOST_S = 120
MOST_MEMORY_MB = 5_000
BY_WORKER = {"checked": "by the worker, when a run begins"}
MOST_ANSWER_BYTES = 256 * 1024
# Of one web process: the others wait.
_children = threading.BoundedSemaphore(2)

log = structlog.get_logger()


def check_form(kind: str, path: Path) -> dict[str, Any]:
    """What was found in the file. Raises BadInput with what is wrong with it."""
    return _CHECKS[ArtifactKind(kind)](path)


def _fence(own: Path, file: Path, environment: dict[str, str]) -> AbstractContextManager[Fence]:
    """As around a verification: the child reads this one file and reaches no network, if the machine can do that."""
    limits = FenceLimits(MOST_MEMORY_MB)
    return closing(make_fence(own, [file], limits, environment, enabled=settings.SANDBOX != Sandbox.OFF))


def _check_onnx(path: Path) -> dict[str, Any]:
    if find_spec("onnx") is None:
        return dict(BY_WORKER)
    return _by_child("measurement.artifacts.onnx_form", path, "an ONNX model", "simplify the model")


def _check_data_set(path: Path) -> dict[str, Any]:
    if find_spec("numpy") is None:
        return dict(BY_WORKER)
    return _by_child("measurement.tracks.uploaded", path, "a data set", "zip fewer images")


def _by_child(program: str, path: Path, what: str, remedy: str) -> dict[str, Any]:
    place = path.resolve()
    command = [sys.executable, "-I", "-X", "utf8", "-m", program, str(place)]
    with _children, TemporaryDirectory() as own:
        environment = {"PATH": "", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TMPDIR": own}
        ended = _ended(command, Path(own), place, environment, remedy)
    try:
        answer: dict[str, Any] = json.loads(ended.stdout[:MOST_ANSWER_BYTES])
    except ValueError:
        log.warning(
            "check of a file ended", code=ended.returncode, words=ended.stderr[-500:].decode(errors="replace")
        )
        raise BadInput(f"can't be read as {what} within the limits of a check; {remedy}") from None
    if "fault" in answer:
        raise BadInput(str(answer["fault"]))
    return dict(answer["found"])


def _ended(
    command: list[str], own: Path, file: Path, environment: dict[str, str], remedy: str
) -> subprocess.CompletedProcess[bytes]:
    with _fence(own, file, environment) as fence:
        try:
            return subprocess.run(
                fence.around(command),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=MOST_S,
                check=False,
                cwd="/",
                env=environment,
            )
        except subprocess.TimeoutExpired:
            raise BadInput(f"takes more than {MOST_S} s to be checked; {remedy}") from None


_CHECKS: dict[ArtifactKind, Callable[[Path], dict[str, Any]]] = {
    ArtifactKind.SAFETENSORS: check_safetensors,
    ArtifactKind.ONNX: _check_onnx,
    ArtifactKind.DATASET: _check_data_set,
}
