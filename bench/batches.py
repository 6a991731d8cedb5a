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

from bench import held
from measurement.run.memory import NO_THREAD_CACHE, TUNABLES

ARCHITECTURE = "mobilenetv2_100"
IMAGES = 256
# Resolution: the batches compared at it. At 224 pixels what a step costs whatever its batch (the optimizer, each
# layer's call) is a few per cent of a step of 16 images; 96 is for the memory of machines that hold no 256 at 224.
BATCHES = {224: (16, 64, 256), 96: (256,)}
BYTES_PER_IMAGE = {224: 110 * 2**20, 96: 22 * 2**20}  # of activations and gradients, fragmentation included
ROUNDS = 2
MOST_APART, MOST_KERNEL = 0.10, 0.02

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
    for resolution, sizes in BATCHES.items():
        available = psutil.virtual_memory().available
        batches = [batch for batch in sizes if batch * BYTES_PER_IMAGE[resolution] < 0.8 * available]
        kept: dict[int, list[dict[str, float]]] = {batch: [] for batch in batches}
        for turn in range(ROUNDS):
            for batch in batches if turn % 2 == 0 else reversed(batches):
                kept[batch].append(_train(resolution, batch, "kept"))
        medians = {batch: statistics.median(map(_throughput, found)) for batch, found in kept.items()}
        for batch in batches:
            default = _train(resolution, batch, "default")
            kernel = statistics.median(map(_kernel_share, kept[batch]))
            what = f"{resolution} pixels, batch {batch}"
            times = medians[batch] / _throughput(default)
            yield f"{what}, default", _described(default), f"memory kept: {times:.2f} times"
            yield f"{what}, memory kept", _described(kept[batch][0]), held("kernel at most 2 %", kernel, MOST_KERNEL)
        if len(batches) > 1:
            apart = 1 - min(medians.values()) / max(medians.values())
            what = f"batches of {', '.join(map(str, batches))} are apart by"
            yield what, f"{apart:.1%}", held("at most 10 %, where memory allows", apart, MOST_APART)


def _train(resolution: int, batch: int, how: str) -> dict[str, float]:
    arguments = [str(batch), str(resolution), str(IMAGES), ARCHITECTURE, how]
    variables = os.environ | ({TUNABLES: NO_THREAD_CACHE} if how == "kept" else {})
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], env=variables, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _throughput(found: dict[str, float]) -> float:
    """Images per CPU second."""
    return IMAGES / (found["user_s"] + found["kernel_s"])


def _kernel_share(found: dict[str, float]) -> float:
    return found["kernel_s"] / (found["user_s"] + found["kernel_s"])


def _described(found: dict[str, float]) -> str:
    memory = f"{found['faults'] / IMAGES:,.0f} faults/image, {found['peak_gib']:.1f} GiB"
    return f"{_throughput(found):.1f}/CPU s, kernel {_kernel_share(found):.1%}, {memory}"
