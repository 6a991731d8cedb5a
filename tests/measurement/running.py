"""What tests of real runs share: a recipe of seconds, brief inference windows, and the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

from measurement.run.inference import InferencePlan
from measurement.run.offline_batch import ProbePlan
from tests.loaded import loaded_python
from tests.measurement.tiny import FINETUNE, PRUNE, TRAIN, tiny_document, tiny_recipe  # noqa: F401 - from here too
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


def measurement(*arguments: str | Path, python_path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end. Other tests keep the machine busy: nothing is measured again for that.

    With a `python_path` it starts as a person starts it; without, torch is loaded already.
    """
    command = [*map(str, arguments), *(["--accept-busy"] if arguments[0] == "run" else [])]
    python = [sys.executable] if python_path else loaded_python()
    return subprocess.run(
        [*python, "-m", "measurement", *command],
        cwd=ROOT,
        env=environment(python_path),
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )


def environment(python_path: Path | None = None) -> dict[str, str]:
    """This process's variables, with `python_path` before the repository on the module path."""
    paths = [str(path) for path in (python_path, ROOT) if path]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
