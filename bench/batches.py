"""Whether an image costs the same in every batch: a training on the CPU, in images per CPU second.

CPU time, so that a machine's other work matters little; each reading is a process of its own, in turns.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil

from bench import MISSED, held
from measurement.run.memory import NO_THREAD_CACHE, TUNABLES

BATCHES = (16, 64, 256)
ARCHITECTURE, RESOLUTION = "mobilenetv2_100", 96
IMAGES = 256
ROUNDS = 3
MOST_APART = 0.10
BYTES_PER_IMAGE = 24 * 2**20  # of activations and gradients, with a third for fragmentation

# One training of a batch size in this process: its CPU seconds, page faults and peak memory, as JSON.
CHILD = """
import json, resource, sys
from contextlib import nullcontext
import timm, torch
from measurement.run.memory import freed_memory_kept

batch, resolution, images, architecture, keep = (*map(int, sys.argv[1:4]), sys.argv[4], sys.argv[5] == "kept")
torch.set_num_threads(1)
torch.manual_seed(0)
with freed_memory_kept(torch.device("cpu")) if keep else nullcontext():
    model = timm.create_model(architecture).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    inputs, labels = torch.randn(batch, 3, resolution, resolution), torch.randint(0, 1000, (batch,))

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()

    step()  # faults its memory in
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(images // batch):
        step()
    after = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "user_s": after.ru_utime - before.ru_utime,
    "kernel_s": after.ru_stime - before.ru_stime,
    "faults": after.ru_minflt - before.ru_minflt,
    "peak_gib": after.ru_maxrss / 2**20,
}))
"""


def run() -> Iterator[tuple[str, str, str]]:
    """Rows of (what, measured, wanted): each batch with memory kept and as glibc does by default, then the spread."""
    batches = [batch for batch in BATCHES if batch * BYTES_PER_IMAGE < 0.8 * psutil.virtual_memory().available]
    kept: dict[int, list[dict[str, float]]] = {batch: [] for batch in batches}
    for turn in range(ROUNDS):
        for batch in batches if turn % 2 == 0 else reversed(batches):
            kept[batch].append(_train(batch, "kept"))
    medians = {batch: statistics.median(map(_throughput, found)) for batch, found in kept.items()}
    for batch in batches:
        default = _train(batch, "default")
        ratio = medians[batch] / _throughput(default)
        yield f"batch {batch}, memory kept", _described(kept[batch][0], medians[batch]), ""
        yield (
            f"batch {batch}, glibc's default (kept: {ratio:.2f} times)",
            _described(default, _throughput(default)),
            "",
        )
    apart = 1 - min(medians.values()) / max(medians.values())
    what = f"batches of {', '.join(map(str, batches))} are apart by"
    whole = len(batches) == len(BATCHES)
    wanted = "at most 10 %" if whole else "memory is too small for the others"
    yield what, f"{apart:.1%}", held(wanted, apart, MOST_APART) if whole else MISSED + wanted


def _train(batch: int, how: str) -> dict[str, float]:
    arguments = [str(batch), str(RESOLUTION), str(IMAGES), ARCHITECTURE, how]
    variables = os.environ | ({TUNABLES: NO_THREAD_CACHE} if how == "kept" else {})
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], env=variables, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _throughput(found: dict[str, float]) -> float:
    """Images per CPU second."""
    return IMAGES / (found["user_s"] + found["kernel_s"])


def _described(found: dict[str, float], throughput: float) -> str:
    kernel = found["kernel_s"] / (found["user_s"] + found["kernel_s"])
    per_image = found["faults"] / IMAGES
    return f"{throughput:.1f}/CPU s, kernel {kernel:.1%}, {per_image:,.0f} faults/image, {found['peak_gib']:.2f} GiB"
