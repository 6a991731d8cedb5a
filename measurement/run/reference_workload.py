"""The reference workload: the same small network on the same images each time, so that a drift is the machine's.

Its figures say nothing of any model. A change of the network, of the batch or of how they are measured is a new
WORKLOAD, whose figures are not compared with those of an older one. Importing it needs torch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from measurement.errors import MeasurementError
from measurement.meters import EnergyMeter
from measurement.meters.discovery import describe_hardware, missing_meter
from measurement.run.device import choose_device, leave_a_core, make_current, synchronizer_of
from measurement.run.termination import Stopped, stop_on_signals, watch_stdin
from measurement.training.numerics import tensor_float32
from measurement.vocabulary import Scope

WORKLOAD = 1
SEED = 2108_13465
BLOCKS = 5
SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Size:
    """Width of the first convolution, resolution in pixels, batch: so that the device is busy."""

    width: int
    resolution: int
    batch: int
    warm_up_s: float


SIZES = {"cpu": Size(32, 64, 32, 0.5), "cuda": Size(256, 112, 256, 2.0)}


@dataclass(frozen=True, slots=True)
class ReferenceFigures:
    """What the workload took. `images_per_s` is the median over blocks; the joules are of the accelerator scope, null
    if it has no instrument. `uuid` is the device's, null if it has none."""

    workload: int
    torch: str
    device: str
    hardware: str
    uuid: str | None
    images: int
    duration_s: float
    images_per_s: float
    energy_per_image_j: float | None
    provenance: str
    flags: list[str]


def measure_reference(asked: str = "auto", seconds: float = SECONDS) -> ReferenceFigures:
    """Run the workload for so many seconds on `auto`, `cpu` or `cuda:N`, inside the meter's window.

    Raises BadOption for a device that is not there, MeterMissing if it can't even be estimated, DeviceInUse if
    another measurement holds it.
    """
    device = choose_device(asked)
    leave_a_core(device)
    hardware = describe_hardware(str(device))
    synchronize = synchronizer_of(device)
    meter = EnergyMeter.for_device(str(device), synchronize=synchronize)
    if not meter.sources(Scope.ACCELERATOR):
        raise missing_meter(meter.device, meter.remedies)
    size = SIZES[device.type]
    with ExitStack() as held:
        held.enter_context(tensor_float32(device))
        held.enter_context(meter.exclusive())
        make_current(device)
        network, images = _workload(size, device)
        held.enter_context(torch.inference_mode())
        step = _step(network, images, synchronize)
        _for(size.warm_up_s, step)
        held.enter_context(meter)
        rates, batches = [], 0
        with meter.window("reference") as window:
            for _ in range(BLOCKS):
                began_s = time.monotonic()
                done = _for(seconds / BLOCKS, step)
                rates.append(done * size.batch / (time.monotonic() - began_s))
                window.mark_block(images=done * size.batch)
                batches += done
    measured = window.measurement
    energy = measured.to_energy(Scope.ACCELERATOR)
    return ReferenceFigures(
        workload=WORKLOAD,
        torch=torch.__version__,
        device=str(device),
        hardware=hardware.name,
        uuid=hardware.uuid,
        images=batches * size.batch,
        duration_s=round(measured.duration_s, 3),
        images_per_s=statistics.median(rates),
        energy_per_image_j=energy.energy_per_image_j,
        provenance=str(energy.provenance),
        flags=sorted(str(flag) for flag in measured.flags),
    )


def _workload(size: Size, device: torch.device) -> tuple[nn.Module, Tensor]:
    """The network and its images: drawn on the CPU, whose generator gives the same numbers on every machine."""
    generator = torch.Generator().manual_seed(SEED)
    widths = [3, size.width, 2 * size.width, 4 * size.width]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(0.05 * torch.randn(weights.shape, generator=generator))
    images = torch.randn(size.batch, 3, size.resolution, size.resolution, generator=generator)
    return network.eval().to(device), images.to(device)


def _step(network: nn.Module, images: Tensor, synchronize: Callable[[], None]) -> Callable[[], None]:
    def step() -> None:
        network(images)
        synchronize()

    return step


def _for(seconds: float, step: Callable[[], None]) -> int:
    """Repeat for so long; returns how often, at least once."""
    done, until_s = 0, time.monotonic() + seconds
    while not done or time.monotonic() < until_s:
        step()
        done += 1
    return done


def run_reference(options: argparse.Namespace) -> int:
    """Print the figures, as text or as one JSON object. Returns the exit code."""
    if options.watch_stdin:
        watch_stdin()
    stop_on_signals()
    try:
        found = measure_reference(options.device, options.seconds)
    except MeasurementError as error:
        field = f"--{error.field.lstrip('-')}: " if error.field else ""
        print(f"{field}{error}", file=sys.stderr)  # noqa: T201 - a command's output
        return error.exit_code
    except Stopped as stop:
        print(stop, file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps(asdict(found)) if options.json else _words(found))  # noqa: T201
    return 0


def _words(found: ReferenceFigures) -> str:
    joules = "no figure" if found.energy_per_image_j is None else f"{found.energy_per_image_j * 1000:.3g} mJ an image"
    flags = f"; {', '.join(found.flags)}" if found.flags else ""
    return (
        f"{found.hardware} ({found.device}): {found.images_per_s:.4g} images/s, {joules} ({found.provenance}), over "
        f"{found.duration_s:.1f} s of workload {found.workload} with torch {found.torch}{flags}"
    )
