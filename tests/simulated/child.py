"""Runs one function of a test module in a child process whose NVIDIA driver is the simulated one."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.simulated.clock import VirtualClock
from tests.simulated.driver import MACHINE, Machine, environment
from tests.simulated.gpu import SimulatedGpu
from tests.simulated.work import Work
from tests.waiting import HANG_S

ROOT = Path(__file__).parents[2]


def run(
    function: Callable[..., Any],
    gpus: Sequence[SimulatedGpu],
    folder: Path,
    *arguments: Any,
    start_s: float | None = None,
    clock: VirtualClock | None = None,
    work: Work | None = None,
    machine: Machine = MACHINE,
    variables: dict[str, str] | None = None,
) -> Any:
    """What `function(*arguments)` returns in a child process that finds `gpus`.

    The function stands at the top of its module; arguments and result are what JSON can say. Time 0 of the profiles
    is this moment, or `start_s`. AssertionError with the child's words where it fails.
    """
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    wanted = environment(gpus, folder, start_s=start_s, clock=clock, work=work, machine=machine)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.simulated.child", inspect.getfile(function), function.__qualname__, result],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | wanted | (variables or {}),
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert ended.returncode == 0, f"{function.__qualname__} failed in the child process:\n{ended.stderr}"
    return json.loads(result.read_text())


def _main(path: str, name: str, result: str) -> None:
    spec = importlib.util.spec_from_file_location("in_child", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["in_child"] = module
    spec.loader.exec_module(module)
    returned = getattr(module, name)(*json.load(sys.stdin))
    Path(result).write_text(json.dumps(returned))


if __name__ == "__main__":
    _main(*sys.argv[1:])
