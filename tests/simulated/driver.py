"""Builds the simulated `libnvidia-ml.so.1` and writes what it plays. README.md shows how a test uses it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tests.simulated.clock import CLOCK_VARIABLE, VirtualClock
from tests.simulated.gpu import SimulatedGpu
from tests.simulated.work import WORK_VARIABLE, Work

SCRIPT_VARIABLE = "SIMULATED_NVML_SCRIPT"
LIBRARY = "libnvidia-ml.so.1"

_SOURCES = Path(__file__).parent
_FLAGS = (
    "-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror",
)  # fmt: skip


def build() -> Path:
    """The compiled library. Built by the system's compiler once for each state of its sources."""
    sources = sorted(_SOURCES.glob("*.c"))
    state = hashlib.sha256(repr(_FLAGS).encode())
    for path in [*sources, *sorted(_SOURCES.glob("*.h"))]:
        state.update(path.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"simulated-nvml-{os.getuid()}-{state.hexdigest()[:16]}"
    library = folder / LIBRARY
    if library.exists():
        return library
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise RuntimeError("the simulated driver needs a C compiler: install gcc or clang, or name one in CC")
    folder.mkdir(mode=0o700, exist_ok=True)
    # Under another name first: tests run side by side, and none may load half a library.
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        built = Path(fresh) / LIBRARY
        command = [compiler, *_FLAGS, "-o", str(built), *map(str, sources), "-lm", "-lpthread"]
        compiled = subprocess.run(command, capture_output=True, text=True, check=False)
        if compiled.returncode:
            raise RuntimeError(f"the simulated driver does not compile:\n{' '.join(command)}\n{compiled.stderr}")
        built.replace(library)
    return library


@dataclass(frozen=True)
class Machine:
    """What `nvmlSystem…` tells of the machine."""

    driver_version: str = "550.54.15"
    nvml_version: str = "12.550.54.15"
    cuda_version: str = "12040"


MACHINE = Machine()


def script(gpus: Sequence[SimulatedGpu], start_s: float, machine: Machine = MACHINE) -> str:
    """The text that the library plays. `start_s` is the profiles' time 0 on the library's clock."""
    lines = [f"start_s {start_s!r}"]
    lines += [f"{item.name} {getattr(machine, item.name)}" for item in fields(machine)]
    for index, gpu in enumerate(gpus):
        lines += ["gpu", *gpu.lines(index)]
    return "\n".join(lines) + "\n"


def environment(
    gpus: Sequence[SimulatedGpu],
    folder: Path,
    *,
    start_s: float | None = None,
    clock: VirtualClock | None = None,
    work: Work | None = None,
    machine: Machine = MACHINE,
) -> dict[str, str]:
    """Variables with which a child process finds these GPUs: `os.environ | environment(…)`.

    `start_s`, time 0 of all profiles, is the clock's present time by default; the clock is CLOCK_MONOTONIC
    (Python's `time.monotonic()`) unless a virtual one is given. With `work`, power follows it. `folder` takes the
    script. CUDA sees all devices, in the driver's order.
    """
    if start_s is None:
        start_s = clock.now_s if clock is not None else time.monotonic()
    path = folder / "nvml-script.txt"
    path.write_text(script(gpus, start_s, machine))
    found_first = [str(build().parent), os.environ.get("LD_LIBRARY_PATH", "")]
    return {
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, found_first)),
        SCRIPT_VARIABLE: str(path),
        CLOCK_VARIABLE: str(clock.path) if clock is not None else "",
        WORK_VARIABLE: str(work.path) if work is not None else "",
        "CUDA_VISIBLE_DEVICES": ",".join(str(index) for index in range(len(gpus))),
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }


@contextmanager
def in_process(gpus: Sequence[SimulatedGpu], folder: Path, **options: Any) -> Iterator[Any]:
    """`pynvml` over these GPUs in this very process, which afterwards is as it was, with or without a real driver.

    A running process can't be given another LD_LIBRARY_PATH, so nvidia-ml-py is handed the library as if it had
    found it. Options are those of `environment`. A script that changes is read by the next `nvmlInit`.
    """
    import pynvml

    wanted = environment(gpus, folder, **options)
    before = {name: os.environ.get(name) for name in wanted}
    library, functions = pynvml.nvmlLib, dict(pynvml._nvmlGetFunctionPointer_cache)
    _use_library(ctypes.CDLL(str(build())), {})
    os.environ.update(wanted)
    try:
        pynvml.nvmlInit()
        yield pynvml
        pynvml.nvmlShutdown()
    finally:
        _use_library(library, functions)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _use_library(library: ctypes.CDLL | None, functions: dict[str, Any]) -> None:
    import pynvml

    pynvml.nvmlLib = library
    pynvml._nvmlGetFunctionPointer_cache.clear()
    pynvml._nvmlGetFunctionPointer_cache.update(functions)
