"""The device that a run computes on. Importing it needs torch."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch

from measurement.errors import BadOption


def choose_device(asked: str) -> torch.device:
    """`auto` is the first GPU if torch sees one, else the CPU. Raises BadOption for a device that isn't there."""
    if asked == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    kind, _, ordinal = asked.partition(":")
    if asked == "cpu" or (kind == "cuda" and ordinal.isdecimal() and int(ordinal) < torch.cuda.device_count()):
        return torch.device(asked)
    there = ", ".join(["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))])
    raise BadOption(f"{asked!r} is not a device of this machine; choose from: {there}", field="--device")


def make_current(device: torch.device) -> None:
    """Make a GPU the default, e.g. for pinned memory, which would otherwise open a context on the first GPU too.

    It opens a context on the device, so other measurements on it must be excluded before.
    """
    if device.type == "cuda":
        torch.cuda.set_device(device)


def leave_a_core(device: torch.device) -> None:
    """On a CPU, compute with one thread fewer than there are cores, unless OMP_NUM_THREADS says otherwise.

    The meter's thread and other processes need a core too: if a computing thread has to make room for them, all the
    others wait for it at every layer, and a figure becomes many times what it should be.
    """
    if device.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, min(torch.get_num_threads(), cores - 1)))


def synchronizer_of(device: torch.device) -> Callable[[], None]:
    """Waits until the device has finished its work; a CPU has finished when the call returns."""
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return lambda: None
