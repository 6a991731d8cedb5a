"""Recognizes torch's out-of-memory errors. Importing it needs torch."""

from __future__ import annotations

import torch

PHRASES = ("can't allocate memory", "out of memory")
"""In torch's RuntimeErrors: from its CPU allocator, and from CUDA if it was not torch's own allocation that
failed."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that a device or the machine has not enough memory left."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in PHRASES)
