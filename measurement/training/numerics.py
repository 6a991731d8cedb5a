"""How numbers are computed: precision, memory format, and whether the same step always gives the same bits."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import nn

from measurement.errors import BadInput
from measurement.training.job import Job
from measurement.training.one_column import OneColumnWithoutStride

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@contextmanager
def numerics(job: Job) -> Iterator[None]:
    """Determinism and memory format as the options say; afterwards everything is as before."""
    options = job.options
    with (
        _determinism(options.deterministic),
        _channels_last(job.context.model, options.channels_last),
        _quiet_about_skipped_steps(options.precision == "float16"),
    ):
        yield


@contextmanager
def autocast(job: Job) -> Iterator[None]:
    """Forward passes within run in the declared precision; weights stay in float32."""
    device, precision = job.context.device.type, job.options.precision
    mended = OneColumnWithoutStride() if (device, precision) == ("cpu", "bfloat16") else nullcontext()
    with torch.autocast(device, dtype=DTYPES[precision], enabled=precision != "float32"), mended:
        yield


def scaler_of(job: Job) -> torch.amp.GradScaler:
    """Keeps small gradients above what float16 can hold; does nothing in another precision."""
    return torch.amp.GradScaler(job.context.device.type, enabled=job.options.precision == "float16")


def check_precision(job: Job) -> None:
    """Raise BadInput if the device computes the declared precision only by emulating it."""
    check_device_precision(job.context.device, job.options.precision, job.field("precision"))


def check_device_precision(device: torch.device, precision: str, field: str) -> None:
    """Raise BadInput for `field` if the device computes in `precision` only by emulating it."""
    if device.type == "cuda":
        able = precision != "bfloat16" or torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # bfloat16 is truncated float32: every CPU can do it. float16 without instructions for it is 30 times slower.
        able = precision != "float16" or cpu_has_float16()
    if not able:
        other = "float16" if device.type == "cuda" else "bfloat16"
        raise BadInput(
            f"this worker's {device.type} device has no {precision} arithmetic; use {other} or float32", field=field
        )


def cpu_has_float16() -> bool:
    """Whether this CPU has instructions for float16 that torch uses."""
    available: bool = torch.backends.mkldnn.is_available()
    return available and bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())


@contextmanager
def reproducible_cublas(asked: bool) -> Iterator[None]:
    """Within, cuBLAS starts such that the same step can give the same bits; the environment's own setting has
    priority.

    cuBLAS reads it when torch first multiplies on a GPU, so this encloses a whole run and not a phase.
    Source: https://docs.nvidia.com/cuda/cublas/#results-reproducibility
    """
    if not asked or WORKSPACE in os.environ:
        yield
        return
    os.environ[WORKSPACE] = ":4096:8"
    try:
        yield
    finally:
        del os.environ[WORKSPACE]


@contextmanager
def tensor_float32(device: torch.device) -> Iterator[None]:
    """Within, a GPU may compute float32 as TF32, in matrix products and in convolutions. A CPU never does.

    By default torch does so in convolutions only: float32 would mean one arithmetic for convolutional networks and
    another for transformers. This encloses a whole run, inference included. It uses the switches that torch can read
    under both of its names; after setting the finer `fp32_precision`, reading `allow_tf32` is an error.
    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices
    """
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


@contextmanager
def _determinism(asked: bool) -> Iterator[None]:
    if not asked:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]


@contextmanager
def _channels_last(model: nn.Module, asked: bool) -> Iterator[None]:
    """The format applies to the training only, not to the inference of the finished model."""
    if not asked:
        yield
        return
    model.to(memory_format=torch.channels_last)
    try:
        yield
    finally:
        model.to(memory_format=torch.contiguous_format)


@contextmanager
def _quiet_about_skipped_steps(scaled: bool) -> Iterator[None]:
    """The scaler skips steps whose gradients overflow; torch warns that the schedule goes on without them."""
    with warnings.catch_warnings():
        if scaled:
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step", category=UserWarning)
        yield
