"""How much memory inference takes at its peak (docs/methodology.md). Importing it needs torch.

The sum of three parts: the network's weights and buffers, one batch of images, and what the forward pass adds to the
memory in use while it runs. The rest of the process, such as libraries, data sets and what training has left, is not
the model's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from measurement.networks.weights import weight_bytes
from measurement.run.memory import give_back_freed_memory

STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc_pid_clear_refs(5)


def peak_memory_bytes(model: nn.Module, batch: Tensor, run: Callable[[], None]) -> int | None:
    """Bytes that the network takes to infer one batch; None if the system does not say what is in use.

    run: infers batches of this size, as often as their memory may differ, and waits until they are finished. It is
    called once before, so that what libraries keep for themselves is there already.
    """
    if getattr(model, "memory_is_unknown", False):
        return None
    run()
    added = _added_on_card(batch.device, run) if batch.device.type == "cuda" else _added_in_process(run)
    if added is None:
        return None
    with torch.inference_mode():  # a quantized layer's buffers may have been made in it
        return weight_bytes(model) + batch.numel() * batch.element_size() + added


def _added_on_card(device: torch.device, run: Callable[[], None]) -> int:
    """By torch's own allocator: without the CUDA context, and without what is free in its cache."""
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    run()
    return torch.cuda.max_memory_allocated(device) - before


def _added_in_process(run: Callable[[], None]) -> int | None:
    """By the kernel's count of resident pages; freed memory is given back first, so that what is used is new.

    None if the kernel's peak can't be set back.
    """
    give_back_freed_memory()
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
        before = _resident_bytes("VmRSS")
        run()
        peak = _resident_bytes("VmHWM")
    except OSError:
        return None
    return None if before is None or peak is None else max(0, peak - before)


def _resident_bytes(name: str) -> int | None:
    found = re.search(rf"^{name}:\s+(\d+) kB$", STATUS.read_text(), re.MULTILINE)
    return None if found is None else 1024 * int(found[1])
