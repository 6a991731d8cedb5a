"""torch.compile around the network that is trained: its cost is metered, the compiled code is dropped at the end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch._dynamo.backends.registry import lookup_backend
from torch._inductor import config as inductor

from measurement.errors import BadInput
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.tracks import Split, batch_bounds
from measurement.training.job import Job
from measurement.training.segments import Segment
from measurement.training.stepping import Stepper


@contextmanager
def compiled(job: Job, segment: Segment, train: Split, stepper: Stepper) -> Iterator[nn.Module]:
    """The model as the steps of `segment` call it: compiled for its sizes of batches if the options ask for it.

    Compilation is a stage of its own, since no other step costs as much.
    """
    model = job.context.model
    if not job.options.compile:
        yield model
        return
    with nothing_cached():
        network: nn.Module = torch.compile(model, dynamic=False)  # type: ignore[assignment]  # a module, if given one
        sizes = sorted({end - start for start, end in batch_bounds(len(train), job.options.batch_size)})
        for step in job.context.pace.steps(f"{segment.stage} compilation", len(sizes)):
            _compile(job, network, train, sizes[step], stepper)
        yield network


def rehearse_compilation(job: Job, images: torch.Tensor, targets: torch.Tensor, stepper: Stepper) -> None:
    """Trace the model, and compile something tiny: it takes seconds; a whole compilation takes minutes.

    Raises BadInput if the architecture can't be traced, if this machine has no working compiler, or if the technique
    calls parts of the network rather than the whole, so that nothing would be compiled.
    """
    traced_graphs = 0

    def counting(graph: torch.fx.GraphModule, examples: list[torch.Tensor]) -> Callable[..., Any]:
        nonlocal traced_graphs
        traced_graphs += 1
        return trace_only(graph, examples)

    trace_only = lookup_backend("aot_eager")
    try:
        with nothing_cached():
            torch.compile(_tiny)(torch.zeros(8, device=job.context.device))
            traced: nn.Module = torch.compile(job.context.model, backend=counting)  # type: ignore[assignment]  # as above
            stepper.gradients(traced, images, targets)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Tracing runs any architecture's own code, and the compiler is another program.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadInput(
            f"torch.compile doesn't work for this network on this worker ({reason[:200]}); leave compile out",
            field=job.field("compile"),
        ) from error
    if not traced_graphs:
        raise BadInput(
            "this technique never runs the network as a whole; leave compile out", field=job.field("compile")
        )


def _tiny(numbers: torch.Tensor) -> torch.Tensor:
    return (numbers + 1).sum()


def _compile(job: Job, network: nn.Module, train: Split, size: int, stepper: Stepper) -> None:
    """Forward and backward once on `size` images; statistics and draws stay as they were."""
    model, device = job.context.model, job.context.device
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        stepper.gradients(network, *train.first(size))
    for buffer, kept in before:
        buffer.copy_(kept)


@contextmanager
def nothing_cached() -> Iterator[None]:
    """Compile from nothing and in this process alone.

    An earlier run's cache would make this compilation cheaper than it is, and idle helper processes would be metered
    together with the inference.
    """
    with (
        tempfile.TemporaryDirectory(prefix="compiled-") as folder,
        _variables(TORCHINDUCTOR_CACHE_DIR=folder, TRITON_CACHE_DIR=f"{folder}/triton"),
        inductor.patch(compile_threads=1),
    ):
        torch.compiler.reset()
        try:
            yield
        finally:
            torch.compiler.reset()


@contextmanager
def _variables(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
