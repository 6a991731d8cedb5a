"""What tests of real runs share: a recipe of seconds, brief inference windows, and the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from measurement.recipe import Recipe, parse_recipe
from measurement.run.inference import InferencePlan
from measurement.run.offline_batch import ProbePlan
from tests.waiting import HANG_S

# Two threads that wait for one another stall for seconds when other tests keep the cores busy.
torch.set_num_threads(1)

ROOT = Path(__file__).parents[2]

BRIEF = InferencePlan(
    min_duration_s=0.3,
    max_duration_s=0.6,
    block_s=0.05,
    warm_up_s=0.05,
    max_warm_up_s=0.1,
    max_jitter_s=0.01,
    probing=ProbePlan(seconds=0.005, passes=2),
)

TRAIN: dict[str, Any] = {"technique": "supervised", "phase": "train", "epochs": 1, "batch_size": 128}
PRUNE: dict[str, Any] = {"technique": "structured_pruning", "phase": "compress", "ratio": 0.5}
FINETUNE: dict[str, Any] = TRAIN | {"phase": "finetune"}


def tiny_document(*phases: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A recipe that trains timm's smallest convolutional network at 16 pixels."""
    return {
        "schema_version": 1,
        "method": {"title": "A tiny network", "family": "compact"},
        "track": "digits",
        "model": {"architecture": "test_resnet", "resolution": 16},
        "phases": list(phases) or [TRAIN],
        "inference": {"max_batch_size": 16},
    } | changes


def tiny_recipe(*phases: dict[str, Any], **changes: Any) -> Recipe:
    return parse_recipe(tiny_document(*phases, **changes))


def measurement(
    *arguments: str | Path, python_path: Path | None = None, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end. Other tests keep the machine busy: nothing is measured again for that."""
    command = [*map(str, arguments), *(["--accept-busy"] if arguments[0] == "run" else [])]
    return subprocess.run(
        [sys.executable, "-m", "measurement", *command],
        cwd=ROOT,
        env=environment(python_path) | (variables or {}),
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )


def environment(python_path: Path | None = None) -> dict[str, str]:
    """This process's variables, with `python_path` before the repository on the module path."""
    paths = [str(path) for path in (python_path, ROOT) if path]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
