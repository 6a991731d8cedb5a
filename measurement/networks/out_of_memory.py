"""Torch's ways of running out of memory. Importing it needs torch."""

from __future__ import annotations

import torch

SAID = ("can't allocate memory", "out of memory")
"""In torch's RuntimeErrors: by its allocator of a CPU's memory, and by CUDA where no allocation of torch's failed."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that a device or the machine has no memory left for what was asked of it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in SAID)
