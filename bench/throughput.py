"""Whether a metered inference window keeps the device as busy as a bare loop of the same forward passes."""

from __future__ import annotations

import random
import statistics
import time
from typing import Any

from bench import held

ARCHITECTURES = {"starnet_s050": 32, "resnet18": 32, "vit_tiny_patch16_224": 64}
ROUNDS = 9
MOST_LOSS = 0.03


def run() -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted): images per second in the window over those of the bare loop, pair by pair."""
    rows = []
    for architecture, resolution in ARCHITECTURES.items():
        for batch_size in (1, 32):
            ratios = _ratios(architecture, resolution, batch_size)
            loss = 1 - statistics.median(ratios)
            measured = f"{statistics.median(ratios):.4f} ({min(ratios):.3f}–{max(ratios):.3f})"
            rows.append(
                (f"{architecture}, batch {batch_size}", measured, held("at least 0.97 (median)", loss, MOST_LOSS))
            )
    return rows


def _ratios(architecture: str, resolution: int, batch_size: int) -> list[float]:
    import torch

    from measurement.meters import EnergyMeter
    from measurement.networks.build import build_network
    from measurement.recipe import Model
    from measurement.run.device import choose_device, leave_a_core
    from measurement.run.inference import InferencePlan, Inputs, Prepared, measure
    from measurement.tracks import TRACKS

    device = choose_device("auto")
    leave_a_core(device)
    track = TRACKS["digits"]
    model = build_network(Model(architecture=architecture, resolution=resolution), track, device).eval()
    inputs = Inputs(track.load_test(resolution).to(device).first(360)[0])
    plan = InferencePlan(2.0, 2.0, 0.4, 0.1, 0.2)
    synchronize = torch.cuda.synchronize if device.type == "cuda" else _nothing
    ratios, jitter, feed = [], random.Random(0), inputs.batches(batch_size)

    def bare() -> float:
        return _bare_loop(model, feed, batch_size, plan.min_duration_s, synchronize)

    def metered() -> float:
        with EnergyMeter.for_device(str(device)) as meter, meter.window("inference") as window:
            figures = measure(
                Prepared(batch_size, feed),
                model,
                window,
                plan,
                synchronize=synchronize,
                advance=_nothing,
                jitter=jitter,
            )
        # Everything between the passes counts, as in the bare loop, except the pauses between blocks.
        return figures.images / window.measurement.duration_s

    bare()  # warm
    for turn in range(ROUNDS):
        # In turns, so that drift of the machine favours neither.
        first, second = (bare, metered) if turn % 2 else (metered, bare)
        one, other = first(), second()
        ratios.append(other / one if turn % 2 else one / other)
    return ratios


def _bare_loop(model: Any, feed: Any, batch_size: int, seconds: float, synchronize: Any) -> float:
    import torch

    images, begun = 0, time.perf_counter()
    with torch.inference_mode():
        while time.perf_counter() - begun < seconds:
            model(next(feed))
            images += batch_size
        synchronize()
    return images / (time.perf_counter() - begun)


def _nothing(*_: Any) -> None:
    """Replaces a progress bar, and the wait for a device that needs none."""
